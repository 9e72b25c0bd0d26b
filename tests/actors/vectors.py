"""The signing vectors of the exchange's reference (upbit-api.md 11.1), computed by an independent implementation."""

import pytest

ACCESS = "UPBIT-TEST-ACCESS-KEY-0123456789abcdefgh"
SECRET = "UPBIT-TEST-SECRET-KEY-0123456789abcdefgh"  # noqa: S105 (a published test vector)
NONCE = "3f2b6c1e-0d5a-4f7b-9a51-6c0e8d2b7a44"

HASHES = [
    pytest.param(
        {"market": "KRW-BTC", "states": ["wait", "watch"]},
        "market=KRW-BTC&states[]=wait&states[]=watch",
        (
            "c01bbcb80094d2225c90eda65128baf7ef800471fbdeb76579856d1532cd263060e41ede9c52bfc926a0b46c4b7797a6"
            "1e4327cda59d236f829cde4c875dfe77"
        ),
        id="V2",
    ),
    pytest.param(
        {"uuids": ["9ca023a5-851b-4fec-9f0a-48cd83c2eaae", "b9d3f1c0-66a1-4e0e-8f2c-2d3c6f1a7e55"]},
        "uuids[]=9ca023a5-851b-4fec-9f0a-48cd83c2eaae&uuids[]=b9d3f1c0-66a1-4e0e-8f2c-2d3c6f1a7e55",
        (
            "5d83b4ce1e13911653f2040414d4fcb818c5f4a076e572dc61a6caaae5f19553b055f376903e63a65a9a2e14b494fc00"
            "3361368876b5189814cbc1bfd516eed1"
        ),
        id="V3",
    ),
    pytest.param(
        {
            "market": "KRW-BTC",
            "states": ["done", "cancel"],
            "start_time": "2026-11-20T00:00:00+09:00",
            "end_time": "2026-11-21T00:00:00+09:00",
            "limit": 1000,
        },
        "market=KRW-BTC&states[]=done&states[]=cancel&start_time=2026-11-20T00:00:00+09:00&end_time=2026-11-21T00:00:00+09:00&limit=1000",
        (
            "5af7efb2526b5574cfd1b1517763861d7d3acf8b659fc68d21dce2cb3ae3b5dda103e40f069e002c223542a976e8da0a"
            "044ad43f32358a38404666546a874abb"
        ),
        id="V4",
    ),
    pytest.param(
        {
            "market": "KRW-BTC",
            "side": "bid",
            "ord_type": "limit",
            "volume": "0.0001",
            "price": "155772000",
            "time_in_force": "post_only",
            "smp_type": "none",
            "identifier": "bot1-20261122-000001",
        },
        "market=KRW-BTC&side=bid&ord_type=limit&volume=0.0001&price=155772000&time_in_force=post_only&smp_type=none&identifier=bot1-20261122-000001",
        (
            "a328b2b15d09d4d679404c743a20892824efc787d21df0455108089ca859b3abc80ab7c967c472f8784b3b4622718e69"
            "e48a7ce12e2f486f24383ef0f4f65335"
        ),
        id="V5",
    ),
    pytest.param(
        {
            "market": "KRW-BTC",
            "side": "bid",
            "ord_type": "price",
            "price": "10000",
            "identifier": "bot1-20261122-000002",
        },
        "market=KRW-BTC&side=bid&ord_type=price&price=10000&identifier=bot1-20261122-000002",
        (
            "cda0504c3fec1dc30e78a5c09c81d9e860c48f1ef52fda2370123a7a9940ea41d3c0da57c22cf2155c7b9b7df4aa72e0"
            "b6ab967ad92c60c3c26fc70b5e338df5"
        ),
        id="V6",
    ),
    pytest.param(
        {"pairs": "KRW-BTC,KRW-ETH", "cancel_side": "bid", "count": 20, "order_by": "desc"},
        "pairs=KRW-BTC,KRW-ETH&cancel_side=bid&count=20&order_by=desc",
        (
            "39833043889fa73feb89c72e5c291f8f63667e70556e4a3fc6cd63ff53fc662377d96b904782856d0b8f1b0bfeef8e4a"
            "b5d6fdf9fd48487cb9ec35d298f72d88"
        ),
        id="V7",
    ),
    pytest.param(
        {"identifier": "grid:KRW-BTC/0001 a"},
        "identifier=grid:KRW-BTC/0001 a",
        (
            "c30594989d58afc3ba4030a60a0ded2643944bfebb7f7b5f9a78ad441e031759dfccb3923c8a01a8714969aa3561253c"
            "7a709f12acb0b012f6cab03c44a12a5a"
        ),
        id="V8",
    ),
    pytest.param(
        {"uuid": "9ca023a5-851b-4fec-9f0a-48cd83c2eaae"},
        "uuid=9ca023a5-851b-4fec-9f0a-48cd83c2eaae",
        (
            "c8db14e9113df71312d41d84427a620d892e0789d0cdaa03aad59fa995366cfd4036c54dc187d7869bb1b2804b807315"
            "5c259fdff4e8e6d2c0c5f2be186fdc0e"
        ),
        id="V9",
    ),
    pytest.param(
        {"market": "KRW-BTC", "side": "bid", "volume": "0.01", "price": "100", "ord_type": "limit"},
        "market=KRW-BTC&side=bid&volume=0.01&price=100&ord_type=limit",
        (
            "da670bea980ba35ed6a354a1580ae42e2e44b7feb2524b1477e5087ecbd233cf41de9598218c7d5582488e5a6b78f893"
            "1f1df9db9ce2fc68cd90496d9c90fe74"
        ),
        id="V10a",
    ),
    pytest.param(
        {"market": "KRW-BTC", "side": "bid", "ord_type": "limit", "price": "100", "volume": "0.01"},
        "market=KRW-BTC&side=bid&ord_type=limit&price=100&volume=0.01",
        (
            "6a72089156ade8a9fe5f65ffe4d055cebdd9a10579c47ebcfc13e8c99e9beabd02f7d59877291366d76363b8318184f0"
            "2d05a284bebcb560d1dfd91a6223fc6a"
        ),
        id="V10b",
    ),
]

TOKENS = [
    pytest.param(
        None,
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVVBCSVQtVEVTVC1BQ0NFU1MtS0VZLTAxMjM0NTY"
            "3ODlhYmNkZWZnaCIsIm5vbmNlIjoiM2YyYjZjMWUtMGQ1YS00ZjdiLTlhNTEtNmMwZThkMmI3YTQ0In0.yMA1UkLlh-9VDFj"
            "TSSyeIF8trnwzCv5GkS8ZVibc5xE"
        ),
        (
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVVBCSVQtVEVTVC1BQ0NFU1MtS0VZLTAxMjM0NTY"
            "3ODlhYmNkZWZnaCIsIm5vbmNlIjoiM2YyYjZjMWUtMGQ1YS00ZjdiLTlhNTEtNmMwZThkMmI3YTQ0In0.Suvrwmis62OlrB9"
            "JbiqiF6NVwXF02VL7n-v7xxldwjEexoFxTXlGfEfHsjV8FBkvKV5FPV08ox5IY1cb0QcNDw"
        ),
        id="V1",
    ),
    pytest.param(
        {"market": "KRW-BTC", "states": ["wait", "watch"]},
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVVBCSVQtVEVTVC1BQ0NFU1MtS0VZLTAxMjM0NTY"
            "3ODlhYmNkZWZnaCIsIm5vbmNlIjoiM2YyYjZjMWUtMGQ1YS00ZjdiLTlhNTEtNmMwZThkMmI3YTQ0IiwicXVlcnlfaGFzaCI"
            "6ImMwMWJiY2I4MDA5NGQyMjI1YzkwZWRhNjUxMjhiYWY3ZWY4MDA0NzFmYmRlYjc2NTc5ODU2ZDE1MzJjZDI2MzA2MGU0MWV"
            "kZTljNTJiZmM5MjZhMGI0NmM0Yjc3OTdhNjFlNDMyN2NkYTU5ZDIzNmY4MjljZGU0Yzg3NWRmZTc3IiwicXVlcnlfaGFzaF9"
            "hbGciOiJTSEE1MTIifQ.7FOwI-VIjgvleqi-y-WaEwjg1i_VEMYhA2HyM4NEAe0"
        ),
        (
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVVBCSVQtVEVTVC1BQ0NFU1MtS0VZLTAxMjM0NTY"
            "3ODlhYmNkZWZnaCIsIm5vbmNlIjoiM2YyYjZjMWUtMGQ1YS00ZjdiLTlhNTEtNmMwZThkMmI3YTQ0IiwicXVlcnlfaGFzaCI"
            "6ImMwMWJiY2I4MDA5NGQyMjI1YzkwZWRhNjUxMjhiYWY3ZWY4MDA0NzFmYmRlYjc2NTc5ODU2ZDE1MzJjZDI2MzA2MGU0MWV"
            "kZTljNTJiZmM5MjZhMGI0NmM0Yjc3OTdhNjFlNDMyN2NkYTU5ZDIzNmY4MjljZGU0Yzg3NWRmZTc3IiwicXVlcnlfaGFzaF9"
            "hbGciOiJTSEE1MTIifQ.8m5eKY5hPTY5-4vVNN0gdBWQn4KRPq7zREkyt6Tp5J_bpnDf4vXZ3ELxHAbHsO4ufDy48onKIVQU"
            "mkEWPqpEUA"
        ),
        id="V2",
    ),
    pytest.param(
        {
            "market": "KRW-BTC",
            "states": ["done", "cancel"],
            "start_time": "2026-11-20T00:00:00+09:00",
            "end_time": "2026-11-21T00:00:00+09:00",
            "limit": 1000,
        },
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVVBCSVQtVEVTVC1BQ0NFU1MtS0VZLTAxMjM0NTY"
            "3ODlhYmNkZWZnaCIsIm5vbmNlIjoiM2YyYjZjMWUtMGQ1YS00ZjdiLTlhNTEtNmMwZThkMmI3YTQ0IiwicXVlcnlfaGFzaCI"
            "6IjVhZjdlZmIyNTI2YjU1NzRjZmQxYjE1MTc3NjM4NjFkN2QzYWNmOGI2NTlmYzY4ZDIxZGNlMmNiM2FlM2I1ZGRhMTAzZTQ"
            "wZjA2OWUwMDJjMjIzNTQyYTk3NmU4ZGEwYTA0NGFkNDNmMzIzNThhMzg0MDQ2NjY1NDZhODc0YWJiIiwicXVlcnlfaGFzaF9"
            "hbGciOiJTSEE1MTIifQ.73E05XltzSCdfZ1gyQdvjgDML4WKVVKh3mG23VW9vUQ"
        ),
        (
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVVBCSVQtVEVTVC1BQ0NFU1MtS0VZLTAxMjM0NTY"
            "3ODlhYmNkZWZnaCIsIm5vbmNlIjoiM2YyYjZjMWUtMGQ1YS00ZjdiLTlhNTEtNmMwZThkMmI3YTQ0IiwicXVlcnlfaGFzaCI"
            "6IjVhZjdlZmIyNTI2YjU1NzRjZmQxYjE1MTc3NjM4NjFkN2QzYWNmOGI2NTlmYzY4ZDIxZGNlMmNiM2FlM2I1ZGRhMTAzZTQ"
            "wZjA2OWUwMDJjMjIzNTQyYTk3NmU4ZGEwYTA0NGFkNDNmMzIzNThhMzg0MDQ2NjY1NDZhODc0YWJiIiwicXVlcnlfaGFzaF9"
            "hbGciOiJTSEE1MTIifQ.XhbgB9R6JcwdqS1qb6E2er8YJKh0aTAOALxE-S6aqrlzosp63YYse4FcgOUtViMjERRmIU8oxaPi"
            "Raq9RyW-3A"
        ),
        id="V4",
    ),
    pytest.param(
        {
            "market": "KRW-BTC",
            "side": "bid",
            "ord_type": "limit",
            "volume": "0.0001",
            "price": "155772000",
            "time_in_force": "post_only",
            "smp_type": "none",
            "identifier": "bot1-20261122-000001",
        },
        (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVVBCSVQtVEVTVC1BQ0NFU1MtS0VZLTAxMjM0NTY"
            "3ODlhYmNkZWZnaCIsIm5vbmNlIjoiM2YyYjZjMWUtMGQ1YS00ZjdiLTlhNTEtNmMwZThkMmI3YTQ0IiwicXVlcnlfaGFzaCI"
            "6ImEzMjhiMmIxNWQwOWQ0ZDY3OTQwNGM3NDNhMjA4OTI4MjRlZmM3ODdkMjFkZjA0NTUxMDgwODljYTg1OWIzYWJjODBhYjd"
            "jOTY3YzQ3MmY4Nzg0YjNiNDYyMjcxOGU2OWU0OGE3Y2UxMmUyZjQ4NmYyNDM4M2VmMGY0ZjY1MzM1IiwicXVlcnlfaGFzaF9"
            "hbGciOiJTSEE1MTIifQ.lHYAU7NaGbN1meWhD_g556QQsyknqbbJCm2XtB01t_Y"
        ),
        (
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3Nfa2V5IjoiVVBCSVQtVEVTVC1BQ0NFU1MtS0VZLTAxMjM0NTY"
            "3ODlhYmNkZWZnaCIsIm5vbmNlIjoiM2YyYjZjMWUtMGQ1YS00ZjdiLTlhNTEtNmMwZThkMmI3YTQ0IiwicXVlcnlfaGFzaCI"
            "6ImEzMjhiMmIxNWQwOWQ0ZDY3OTQwNGM3NDNhMjA4OTI4MjRlZmM3ODdkMjFkZjA0NTUxMDgwODljYTg1OWIzYWJjODBhYjd"
            "jOTY3YzQ3MmY4Nzg0YjNiNDYyMjcxOGU2OWU0OGE3Y2UxMmUyZjQ4NmYyNDM4M2VmMGY0ZjY1MzM1IiwicXVlcnlfaGFzaF9"
            "hbGciOiJTSEE1MTIifQ.kJI904J91NKH1voJTpBQJZuCO9FRJK9fPOggTugR-oEpk2Z03rResoDIJUMNx8Yq_rDbzMCsu86c"
            "ARv1Cse8fg"
        ),
        id="V5",
    ),
]
