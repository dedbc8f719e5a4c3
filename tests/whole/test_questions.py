"""Whatever a page asks its readers, it answers, folded, so that they can think first."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
ASKS = {"en": r"\*\*(?:Question|Try|Predict)\.\*\*", "ko": r"\*\*(?:문제|해 보기|예상해 보세요)\.\*\*"}
"""How a question, or something to try, begins."""

ANSWER = {"en": "<summary>Answer</summary>", "ko": "<summary>답</summary>"}
PAGES = [f"chapter/{path.name}" for path in sorted((DOCS / "en" / "chapter").glob("*.md")) if path.name != "index.md"]
PAGES += ["exercises.md"]


def asked(language, page):
    """The text of a page from each question up to the next one."""
    return re.split(ASKS[language], (DOCS / language / page).read_text(encoding="utf-8"))[1:]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_question_has_one_answer(language, page):
    questions = asked(language, page)
    assert questions
    for question in questions:
        assert question.count(ANSWER[language]) == question.count("<details>") == 1, question[:80]


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_ask_the_same_number_of_questions(page):
    assert len(asked("en", page)) == len(asked("ko", page))
