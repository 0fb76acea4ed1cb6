"""What schemathesis has to be told about formats that it does not know."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    """Examples are text already; what is generated otherwise is one row."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", errors="surrogatepass")
    return (json.dumps(value) + "\n").encode()
