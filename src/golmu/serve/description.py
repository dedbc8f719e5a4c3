"""What the application says of itself in its OpenAPI description: requests, answers and errors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from golmu.serve.limits import Limits

IMAGE_TYPES = ("image/png", "image/jpeg", "application/octet-stream")
"""Media types of a body that is an image itself; any other but a form and JSON is taken for one too."""


class PredictionAnswer(BaseModel):
    """What the network says of one image."""

    image: str | None = Field(description="Name of the image's file; null without one.")
    label: str = Field(description="Name of the most probable class.")
    probability: float = Field(description="Probability of that class.", ge=0, le=1)
    inverted: bool = Field(description="Whether the image was inverted first.")
    probabilities: dict[str, float] = Field(description="Probability of each class by its name; together 1.")


class PredictionsAnswer(BaseModel):
    """What the network says of the images, in the order of the request."""

    predictions: list[PredictionAnswer]


class ErrorAnswer(BaseModel):
    """Why a request is refused."""

    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was expected, what came, and what to do.")


class HealthAnswer(BaseModel):
    """That the server answers."""

    status: str = Field(description="ok")


class LimitsAnswer(BaseModel):
    """The most that is taken."""

    body_bytes: int = Field(description="Bytes of a request's body.")
    pixels: int = Field(description="Pixels of one image.")
    images: int = Field(description="Images in one request.")
    requests: int = Field(description="Requests for predictions at the same time.")


class AccuracyAnswer(BaseModel):
    """How often the network was right on images that it had not seen."""

    value: float = Field(description="Share of the images that it named rightly.", ge=0, le=1)
    interval: list[float] = Field(description="Interval of the value (Wilson).", min_length=2, max_length=2)
    confidence: float = Field(description="Confidence of the interval.")
    images: int = Field(description="Number of images.")
    part: str = Field(description="Which part of the data they are.")
    data: str = Field(description="Name of the data.")
    note: str = Field(description="Why the value is not to be believed, if so.")


class MetadataAnswer(BaseModel):
    """What the network is."""

    name: str = Field(description="Name of the run folder or model file.")
    golmu: str = Field(description="Version of Golmu.")
    engine: str = Field(description="What computes.")
    classes: list[str] = Field(description="Names of the classes, in the order of the network's output.")
    height: int = Field(description="Height in pixels that images are fitted to.")
    width: int = Field(description="Width in pixels that images are fitted to.")
    channels: int = Field(description="1, grey, or 3, RGB.")
    ground: str | None = Field(description="What surrounds the object in the training images, dark or light, if known.")
    invert: str = Field(
        description="Which images are inverted: auto, those that have the other ground; yes, all; no, none."
    )
    image_files: dict[str, Any] = Field(description="How an image file becomes the input, as model.json says it.")
    parameters: int = Field(description="Number of the network's parameters.")
    weights_sha256: str = Field(description="SHA-256 of the weights: equal for all copies of one network.")
    accuracy: AccuracyAnswer | None = Field(description="On the validation images, if a run folder is served.")
    limits: LimitsAnswer


def request_of_predict(limits: Limits) -> dict[str, Any]:
    """The body of POST /predict, as OpenAPI describes it."""
    pixel = {"type": "integer", "minimum": 0, "maximum": 255}
    row: dict[str, Any] = {"type": "array", "items": pixel, "minItems": 1}
    return {
        "requestBody": {
            "required": True,
            "content": {
                **{
                    name: {"schema": {"type": "string", "format": "binary", "description": "An image file."}}
                    for name in IMAGE_TYPES
                },
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "file": {
                                "type": "array",
                                "items": {"type": "string", "format": "binary"},
                                "minItems": 1,
                                "maxItems": limits.images,
                                "description": "Image files; the names of the fields do not matter.",
                            }
                        },
                        "required": ["file"],
                    }
                },
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "images": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": limits.images,
                                "items": {
                                    "anyOf": [
                                        {"type": "string", "format": "byte", "description": "An image file, base64."},
                                        {
                                            "type": "array",
                                            "items": row,
                                            "minItems": 1,
                                            "description": "Rows of pixels, all of the same length.",
                                        },
                                    ]
                                },
                            }
                        },
                        "required": ["images"],
                        "additionalProperties": False,
                    }
                },
            },
        }
    }


ERRORS: dict[int, str] = {
    400: "The connection was closed early, or the request is damaged.",
    401: "A token is needed.",
    408: "The body did not arrive in time.",
    413: "The body or an image is too large.",
    421: "The server was called by a name that is not this computer's.",
    422: "An image cannot be read, there are too many, or the body has another form.",
    429: "Too many requests at the same time: try again in a moment.",
    500: "The network or the server failed.",
}
"""When each error is answered."""


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a path, as FastAPI takes them."""
    # As a model, FastAPI would describe it with the media type of the path's own answers.
    content = {"application/json": {"schema": ErrorAnswer.model_json_schema()}}
    return {status: {"description": ERRORS[status], "content": content} for status in statuses}
