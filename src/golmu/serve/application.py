"""The application: what it answers under which path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from golmu.about import VERSION
from golmu.data.readers.image_files import quiet_pillow
from golmu.errors import InputError
from golmu.export.description import Origin
from golmu.model.predictor import Predictor
from golmu.serve.description import HealthAnswer, MetadataAnswer, PredictionsAnswer, errors, request_of_predict
from golmu.serve.gate import Gate
from golmu.serve.limits import Limits, RefusalError, failure_response, refusal_response
from golmu.serve.pages import PAGE_HEADERS, reference_page
from golmu.serve.service import Samples, Service

PREDICT = "/predict"
PATHS = ("/", PREDICT, "/health", "/metadata", "/metrics", "/openapi.json", "/docs")


def create_application(
    predictor: Predictor, *, limits: Limits | None = None, token: str | None = None, invert: str = "auto",
    origin: Origin | None = None, samples: Samples | None = None,
) -> ASGIApp:  # fmt: skip
    """Make the ASGI application that answers for a network.

    Parameters
    ----------
    predictor
        The network. Its kernels are loaded here, so that no request waits for them.
    limits
        The most that is taken.
    token
        What a client must show; None: nothing, and then only requests to names of this computer are answered.
    invert
        As for `golmu.Predictor.predict`.
    origin
        What is known of the network's training, for /metadata.
    samples
        Loads images for the page to show (`golmu.export.page.choose_samples`); it is called when the page is first
        asked for, in a thread.

    Raises
    ------
    InputError
        If the network takes images of another number of channels than files have.
    """
    channels = predictor.image_shape[2]
    if channels not in (1, 3):
        raise InputError(
            f"a server answers image files, which have 1 or 3 channels, but {predictor.name} takes {channels}"
        )
    limits = Limits() if limits is None else limits
    service = Service(predictor, limits, invert, origin=origin, samples=samples)
    service.warm_up()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with quiet_pillow:  # which each image would enter otherwise
            yield
        service.close()

    # The pages that FastAPI would have for its description load scripts from elsewhere.
    app = FastAPI(
        title="Golmu", version=VERSION, summary="A trained network, which says what images show.", docs_url=None,
        redoc_url=None, redirect_slashes=False, lifespan=lifespan,
    )  # fmt: skip
    _add_paths(app, service, limits, has_token=token is not None)

    async def predict(scope: Scope, receive: Receive, send: Send) -> None:
        response = await service.predict(Request(scope, receive))
        await response(scope, receive, send)

    # FastAPI describes this path like the others. A request need not go through it, which takes longer than all that
    # is done for a small image.
    return Gate(
        app, direct={("POST", PREDICT): predict}, paths=PATHS, limits=limits, metrics=service.metrics, token=token
    )  # fmt: skip


def _add_paths(app: FastAPI, service: Service, limits: Limits, *, has_token: bool) -> None:
    # The gate asks for the token; here it is only described.
    needed = [Depends(HTTPBearer(auto_error=False))] if has_token else []
    refused = 401 if has_token else 421
    app.add_api_route(
        PREDICT, service.predict, methods=["POST"], response_model=PredictionsAnswer, dependencies=needed,
        response_description="What the network says of each image.",
        responses=errors(*sorted([400, refused, 408, 413, 422, 429, 500])), openapi_extra=request_of_predict(limits),
    )  # fmt: skip
    app.add_api_route(
        "/health", service.health, response_model=HealthAnswer, responses=errors(*([] if has_token else [refused]))
    )
    app.add_api_route(
        "/metadata", service.metadata, response_model=MetadataAnswer, dependencies=needed, responses=errors(refused)
    )
    app.add_api_route(
        "/metrics", service.count, response_class=PlainTextResponse, dependencies=needed, responses=errors(refused)
    )

    async def reference(request: Request) -> Response:
        token = request.query_params.get("token")  # the links of the page need it too
        return HTMLResponse(reference_page(app.openapi(), token), headers=PAGE_HEADERS)

    app.add_api_route("/", service.page, include_in_schema=False)
    app.add_api_route("/docs", reference, include_in_schema=False)
    app.add_exception_handler(RefusalError, _answer_refusal)
    app.add_exception_handler(HTTPException, _answer_wrong_path)
    app.add_exception_handler(Exception, _answer_failure)


async def _answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusalError)
    return error.response()


async def _answer_wrong_path(request: Request, error: Exception) -> Response:
    """Answer what no path takes, such as GET /predict."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405 and error.headers is not None:
        detail = f"this path takes {error.headers.get('Allow')}, got {request.method}: see /docs"
    else:
        detail = "there is nothing under this path: see /docs"
    return refusal_response(error.status_code, detail, error.headers)


async def _answer_failure(_: Request, error: Exception) -> Response:
    return failure_response(error)
