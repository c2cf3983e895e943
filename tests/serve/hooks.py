"""Changes the requests that schemathesis makes, where the OpenAPI document cannot say what is permitted or a test would take too long."""

import schemathesis


@schemathesis.hook
def map_query(context, query):
    if not query:
        return query
    query = dict(query)
    if isinstance(query.get("since"), str) and isinstance(query.get("until"), str):
        # The other order is answered with 400.
        query["since"], query["until"] = sorted((query["since"], query["until"]))
    if isinstance(query.get("wait"), int) and 1 < query["wait"] <= 60:
        query["wait"] = 1
    if isinstance(query.get("at"), str) and query["at"][:4] > "2025":
        # A time in the future is answered with 400.
        query["at"] = "2025-01-01T00:00:00Z"
    return query
