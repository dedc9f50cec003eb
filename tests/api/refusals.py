"""What every problem document has."""

import httpx

from api.web.problems import CATALOGUE


def assert_refused(answer: httpx.Response, status: int, slug: str) -> None:
    """`answer` is the problem `slug`, complete, with the headers that its status asks for."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = answer.json()
    assert (answer.status_code, document["type"]) == (status, f"/problems/{slug}"), answer.text
    assert document["status"] == status == CATALOGUE[slug].status
    assert document["title"]
    assert document["detail"]
    assert all(error["code"] and error["detail"] and "pointer" in error for error in document.get("errors", []))
    assert answer.headers["x-request-id"]
    needed = {401: "www-authenticate", 405: "allow", 429: "retry-after", 503: "retry-after"}
    assert needed.get(status, "content-type") in answer.headers
