"""Requests of every kind, as bytes: good, bad and hostile. {token} and {session} stand for a contact's own."""

import json

BASE = "/via/v2/organizations/viademo/"
KEY = "x-api-key: demo-key"
ALL = f"{KEY}\r\nauthorization: {{token}}\r\nvia-client-sessionid: {{session}}"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
BODY_MAX = 65_536


def request(line: str, *headers: str, body: bytes | None = None, version: str = "HTTP/1.1") -> bytes:
    """One request; Content-Length is added for a body."""
    lines = [f"{line} {version}", "Host: h", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def post(operation: str, body: bytes, *headers: str) -> bytes:
    """A messaging request of a contact."""
    return request(f"POST {BASE}{operation}", ALL, *headers, body=body)


def chunked(*chunks: bytes, trailer: bytes = b"", extension: bytes = b"", headers: str = ALL) -> bytes:
    """A sendText whose body comes in chunks."""
    head = request(f"POST {BASE}messaging/sendText", headers, CHUNKED)
    body = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in (*chunks, b"") if chunk)
    return head + body + b"0\r\n" + trailer + b"\r\n"


def nowhere(*headers: str) -> bytes:
    """The head of a POST whose framing is the point."""
    return request("POST /nothing", *headers)


def _of_size(size: int) -> bytes:
    """A JSON body of exactly so many bytes."""
    text = json.dumps({"text": "Hello", "x": ""}).encode()
    return text[:-2] + b"y" * (size - len(text)) + text[-2:]


CHUNKED = "Transfer-Encoding: chunked"
NO_CHUNKS = b"0\r\n\r\n"
SAY = b'{"text":"Hello"}'
TEXT = post("messaging/sendText", SAY)
POLL = request(f"GET {BASE}streaming/events/webClient?maxEvents=1", ALL)
TOKEN = request(f"POST {BASE}webToken", KEY, body=b"")

GOOD: dict[str, bytes] = {
    "health": HEALTH,
    "page": request("GET /docs"),
    "token": TOKEN,
    "token by GET": request(f"GET {BASE}webToken", KEY),
    "session": request(f"POST {BASE}streaming/session/webClient", KEY, "authorization: {token}", body=b""),
    "session with fields": request(
        f"POST {BASE}streaming/session/webClient", KEY, "authorization: {token}", body=b'{"inactivityDelay":60}'
    ),
    "text": TEXT,
    "poll with an event": POLL,
    "poll twice": POLL + request(f"GET {BASE}streaming/events/webClient?maxEvents=100", ALL),
    "acknowledge": post("streaming/acknowledge/webClient", b'{"sequenceNumber":1}'),
    "composing": post("messaging/notification", b'{"state":"composing"}'),
    "end of session": request(f"DELETE {BASE}streaming/session/webClient", ALL),
    "disconnect": post("messaging/disconnect", b""),
    "preflight": request(
        f"OPTIONS {BASE}messaging/sendText", "Origin: http://a", "Access-Control-Request-Method: POST"
    ),
    "origin": request("GET /healthz", "Origin: https://example.org"),
    "repeated with a key": post("messaging/sendText", SAY, "Idempotency-Key: 1") * 2,
    "query": request(f"GET {BASE}streaming/events/webClient?maxEvents=5&afterSequenceNumber=0", ALL),
    "three at once": TEXT * 3,
    "mixed at once": HEALTH + TEXT + TOKEN + POLL + request("GET /nothing") + HEALTH,
    "chunks": chunked(SAY[:3], SAY[3:10], SAY[10:]),
    "one chunk": chunked(SAY),
    "chunk for each byte": chunked(*(SAY[i : i + 1] for i in range(len(SAY)))),
    "many small chunks": chunked(*(bytes([byte]) for byte in _of_size(13_000))),
    "trailer": chunked(SAY, trailer=b"X-Checksum: 1\r\n"),
    "trailers that look like credentials": chunked(SAY, trailer=b"x-api-key: wrong\r\nauthorization: none\r\n"),
    "chunk extension": chunked(SAY, extension=b";name=value"),
    "quoted chunk extension": chunked(SAY, extension=b';name="a b"'),
    "close": request("GET /healthz", "Connection: close"),
    "close in capitals": request("GET /healthz", "CONNECTION: CLOSE"),
    "close among others": request("GET /healthz", "Connection: x, close"),
    "keep-alive": request("GET /healthz", "Connection: keep-alive") * 2,
    "close and more": request("GET /healthz", "Connection: close") + HEALTH,
    "close on a commit": post("messaging/sendText", SAY, "Connection: close"),
    "continue": post("messaging/sendText", SAY, "Expect: 100-continue"),
    "continue in capitals": post("messaging/sendText", SAY, "Expect: 100-Continue"),
    "leading lines": b"\r\n\r\n" + HEALTH,
    "line between": HEALTH + b"\r\n" + HEALTH,
    "odd case and space": b"GET /healthz HTTP/1.1\r\nhOsT:   h  \r\nX-A:\r\nX-B:\t b \r\n\r\n",
    "key in odd case": request(f"POST {BASE}webToken", "X-API-KEY:demo-key   ", body=b""),
    "long header": request("GET /healthz", "X-Long: " + "a" * 20_000),
    "many headers": request("GET /healthz", *(f"X-{i}: {i}" for i in range(500))),
    "header beyond ASCII": request("GET /healthz", "X-Name: J\xf6rg"),
    "old version": request("GET /healthz", version="HTTP/1.0"),
    "old version for a text": request(f"POST {BASE}messaging/sendText", ALL, body=SAY, version="HTTP/1.0"),
}

REFUSED: dict[str, bytes] = {
    "unknown path": request("GET /nothing"),
    "unknown path kept": request("GET /nothing") * 3,
    "wrong method": request("PUT /healthz", body=b"x"),
    "wrong method below": request(f"GET {BASE}messaging/sendText", ALL),
    "head": request("HEAD /healthz") + HEALTH,
    "head of nothing": request("HEAD /nothing") + HEALTH,
    "patch": request("PATCH /healthz", body=b"{}"),
    "trace": request("TRACE /healthz"),
    "propfind": request("PROPFIND /healthz"),
    "get with a body": request("GET /healthz", body=b"surplus") + HEALTH,
    "delete with a body": request(f"DELETE {BASE}streaming/session/webClient", KEY, body=b"surplus") + HEALTH,
    "no key": request(f"POST {BASE}webToken", body=b""),
    "wrong key": request(f"POST {BASE}webToken", "x-api-key: wrong", body=b""),
    "key twice": request(f"POST {BASE}webToken", KEY, "x-api-key: wrong", body=b""),
    "key twice, the good one last": request(f"POST {BASE}webToken", "x-api-key: wrong", KEY, body=b""),
    "key not ASCII": request(f"POST {BASE}webToken", "x-api-key: \xff\xfe", body=b""),
    "no token": request(f"POST {BASE}streaming/session/webClient", KEY, body=b""),
    "bad token": request(f"POST {BASE}streaming/session/webClient", KEY, "authorization: Bearer x", body=b""),
    "no session": request(f"POST {BASE}messaging/sendText", KEY, "authorization: {token}", body=SAY),
    "dead session": request(
        f"GET {BASE}streaming/events/webClient", KEY, "authorization: {token}", "via-client-sessionid: gone"
    ),
    "unknown organization": request("POST /via/v2/organizations/none/webToken", KEY, body=b""),
    "no organization": request("POST /via/v2/organizations//webToken", KEY, body=b""),
    "empty body": post("messaging/sendText", b""),
    "no json": post("messaging/sendText", b"{text"),
    "no UTF-8": post("messaging/sendText", b'{"text":"\xff\xfe"}'),
    "null": post("messaging/sendText", b"null"),
    "nul byte": post("messaging/sendText", b'{"text":"a\0b"}'),
    "too deep": post("messaging/sendText", b"[" * 5000 + b"]" * 5000),
    "wrong type": post("messaging/sendText", b'{"text":1}'),
    "bad query": request(f"GET {BASE}streaming/events/webClient?maxEvents=x", ALL),
    "query not ASCII": request(f"GET {BASE}streaming/events/webClient?maxEvents=\xe9", ALL),
    "query escaped": request(f"GET {BASE}streaming/events/webClient?max%45vents=%31&%", ALL),
    "largest body": post("messaging/sendText", _of_size(BODY_MAX)),
    "body too large": post("messaging/sendText", _of_size(BODY_MAX + 1)) + HEALTH,
    "body far too large": post("messaging/sendText", _of_size(500_000)) + HEALTH,
    "chunks too large": chunked(*[b"a" * 10_000] * 10) + HEALTH,
    "large body to nowhere": request("POST /nothing", body=b"a" * 100_000) + HEALTH,
    "preflight to nowhere": request("OPTIONS /nothing"),
}

_TARGETS = (
    "* / // //healthz /healthz/ /%68ealthz /healthz%00 /healthz%2f /healthz? /healthz?a=b?c /healthz#part /healthz?a#b "
    "/? /./healthz /x/../healthz /healthz;v=1 http://h/healthz http://h/healthz?a=b http://h http://h?a "
    "HTTP://H/healthz https://user:pw@h:1/healthz h:80 /%zz /a|b /\\ /via/v2/organizations/viademo "
    "/via/v2/organizations/a%2fb/webToken"
)
TARGETS: dict[str, bytes] = {
    **{f"target {target}": request(f"GET {target}") + HEALTH for target in _TARGETS.split(" ")},
    "long target": request("GET /" + "a" * 5000) + HEALTH,
    "options *": request("OPTIONS *") + HEALTH,
    "connect": request("CONNECT h:80") + HEALTH,
}

HOSTILE: dict[str, bytes] = {
    "garbage": b"\x00\x01\x02\xff\xfe garbage\r\n\r\n",
    "TLS greeting": bytes.fromhex("16030100a5010000a10303") + b"\x07" * 160,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "SSH greeting": b"SSH-2.0-OpenSSH_9.6\r\n",
    "only a word": b"HELLO\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "wrong version": request("GET /healthz", version="HTTP/3.7"),
    "version 0.9": request("GET /healthz", version="HTTP/0.9"),
    "lower case method": request("get /healthz"),
    "unknown method": request("FETCH /healthz"),
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: h\n\n",
    "one bare line feed": b"GET /healthz HTTP/1.1\r\nHost: h\nX-A: b\r\n\r\n",
    "bare carriage return": b"GET /healthz HTTP/1.1\r\nX-A: a\rb\r\n\r\n",
    "folded header": b"GET /healthz HTTP/1.1\r\nX-A: a\r\n b\r\n\r\n",
    "space before colon": b"GET /healthz HTTP/1.1\r\nX-A : a\r\n\r\n",
    "no colon": b"GET /healthz HTTP/1.1\r\nX-A\r\n\r\n",
    "empty name": b"GET /healthz HTTP/1.1\r\n: a\r\n\r\n",
    "nul in header": b"GET /healthz HTTP/1.1\r\nX-A: a\0b\r\n\r\n",
    "two spaces": b"GET  /healthz HTTP/1.1\r\n\r\n",
    "tab in target": b"GET /heal\tthz HTTP/1.1\r\n\r\n",
    "space in target": b"GET /heal thz HTTP/1.1\r\n\r\n",
    "target not ASCII": b"GET /h\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": request("GET /healthz", "Host: other"),
    "length and chunks": nowhere("Content-Length: 5", CHUNKED) + NO_CHUNKS + HEALTH,
    "chunks and length": nowhere(CHUNKED, "Content-Length: 5") + NO_CHUNKS + HEALTH,
    "two lengths": nowhere("Content-Length: 5", "Content-Length: 6") + b"aaaaa" + HEALTH,
    "one length twice": nowhere("Content-Length: 5", "Content-Length: 5") + b"aaaaa" + HEALTH,
    "list of lengths": nowhere("Content-Length: 5, 5") + b"aaaaa" + HEALTH,
    "length not a number": nowhere("Content-Length: abc") + HEALTH,
    "negative length": nowhere("Content-Length: -5") + HEALTH,
    "signed length": nowhere("Content-Length: +5") + b"aaaaa" + HEALTH,
    "hexadecimal length": nowhere("Content-Length: 0x5") + b"aaaaa" + HEALTH,
    "endless length": nowhere("Content-Length: 99999999999999999999999") + HEALTH,
    "empty length": nowhere("Content-Length:") + HEALTH,
    "surplus after length": nowhere("Content-Length: 3") + b"aaaaa" + HEALTH,
    "unknown coding": nowhere("Transfer-Encoding: gzip") + HEALTH,
    "coding after chunked": nowhere("Transfer-Encoding: chunked, gzip") + NO_CHUNKS + HEALTH,
    "chunked twice": nowhere(CHUNKED, CHUNKED) + NO_CHUNKS + HEALTH,
    "coding with a tab": nowhere("Transfer-Encoding:\tchunked") + NO_CHUNKS + HEALTH,
    "coding misspelt": nowhere("Transfer-Encoding: xchunked") + NO_CHUNKS + HEALTH,
    "chunked in version 1.0": request("POST /nothing", CHUNKED, version="HTTP/1.0") + NO_CHUNKS,
    "chunk size not a number": nowhere(CHUNKED) + b"xyz\r\n\r\n" + HEALTH,
    "chunk size too large": nowhere(CHUNKED) + b"ffffffffffffffffff\r\n" + HEALTH,
    "chunk longer than said": nowhere(CHUNKED) + b"1\r\nab\r\n0\r\n\r\n" + HEALTH,
    "chunk with bare line feeds": nowhere(CHUNKED) + b"1\na\n0\n\n" + HEALTH,
    "good, then garbage": HEALTH + b"\0garbage\r\n\r\n",
    "upgrade to h2c": request(
        "GET /healthz", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"
    ),
    "upgrade to a web socket": request(
        "GET /healthz",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: eA==",
    ),
    "upgrade, then more": request("GET /healthz", "Connection: Upgrade", "Upgrade: x") + HEALTH,
    "upgrade of a text": post("messaging/sendText", SAY, "Connection: Upgrade", "Upgrade: h2c") + HEALTH,
    "expect something": request("GET /healthz", "Expect: 200-ok"),
    "expect twice": request("GET /healthz", "Expect: 100-continue", "Expect: nothing"),
    "expect without a body": request("GET /healthz", "Expect: 100-continue"),
    "expect, refused": request(f"POST {BASE}messaging/sendText", "Expect: 100-continue", body=SAY),
}

OPEN: dict[str, bytes] = {
    "nothing": b"",
    "only lines": b"\r\n\r\n",
    "half a line": b"GET /hea",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: h\r\n",
    "half a body": nowhere("Content-Length: 10") + b"half",
    "half a chunk": nowhere(CHUNKED) + b"5\r\nab",
    "no last chunk": nowhere(CHUNKED) + b"1\r\na\r\n",
    "half a trailer": nowhere(CHUNKED) + b"0\r\nX-A: b\r\n",
    "continue awaited": nowhere("Expect: 100-continue", "Content-Length: 4"),
    "good, then half": HEALTH + b"GET /heal",
    "commit, then half": TEXT + b"GET /heal",
}  # the server waits for more, and says so by its silence

CORPUS = GOOD | REFUSED | TARGETS | HOSTILE | OPEN
