"""What a person has to do on Upbit's page, in Korean and in English."""

import ipaddress
import socket
from typing import Final

KOREAN: Final = """\
업비트 API 키 준비
  1. PC에서 업비트 로그인 > 마이페이지 > Open API 관리 (2단계 인증 필요).
  2. 권한은 자산조회, 주문조회, 주문하기 세 가지만 선택하세요. 출금하기는 절대 선택하지 마세요.
  3. 허용 IP에는 이 컴퓨터가 인터넷에 나갈 때 보이는 공인 IPv4 주소를 넣으세요 (최대 10개).
     이 컴퓨터에서 `curl -4 https://checkip.amazonaws.com` 을 실행하면 보입니다.
     공유기 안쪽 주소(192.168…, 10…)는 아닙니다. 주소가 바뀌는 회선이라면 고정 IP가 있는 서버에서 실행하세요.
     다른 주소에서 부르면 업비트가 no_authorization_ip 로 거절합니다.
  4. 메인 포켓보다 봇 전용 서브 포켓의 키를 권합니다. 수동 거래와 잔고가 섞이지 않습니다.
  5. 키는 1년 동안만 유효하고 연장되지 않습니다. 시크릿 키는 한 번만 보여 줍니다."""
ENGLISH: Final = """\
Preparing an API key at Upbit
  1. On a PC: log in, My page > Open API management (마이페이지 > Open API 관리); it asks for the second factor.
  2. Tick three permissions only: view assets (자산조회), view orders (주문조회), place orders (주문하기).
     Never tick withdraw (출금하기).
  3. Allowed IP: the public IPv4 address this machine shows to the internet (at most 10 of them).
     `curl -4 https://checkip.amazonaws.com` on this machine shows it. It is not the router's inside address
     (192.168…, 10…). Does your line change its address? Then run on a server with a fixed one. From any other address
     Upbit answers no_authorization_ip.
  4. Better than the main pocket is a sub-pocket for the bot alone: trades by hand cannot touch its balances.
  5. A key lives one year and cannot be made longer. The secret key is shown once."""


def instructions() -> str:
    """Both languages, and what this machine knows of its own address without asking anybody."""
    return f"{KOREAN}\n\n{ENGLISH}\n\n{_about(_own_address())}"


def _about(address: str) -> str:
    if not address:
        return "이 컴퓨터는 지금 인터넷 경로가 없습니다. / This machine has no way to the internet now."
    if ipaddress.ip_address(address).is_global:
        return (
            f"이 컴퓨터는 공인 주소 {address} 로 나갑니다: 허용 IP에 넣을 주소입니다. / "
            f"This machine itself goes out as {address}: allow that one."
        )
    return (
        f"이 컴퓨터의 주소 {address} 는 내부 주소입니다: 허용 IP에는 공유기나 통신사의 공인 주소를 넣으세요. / "
        f"This machine's own address {address} is an inside one: what counts is the public address of its router."
    )


def _own_address() -> str:
    """The address packets to the internet would leave with; no packet is sent to learn it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        try:
            line.connect(("198.51.100.1", 443))  # an address nobody has (RFC 5737)
        except OSError:
            return ""
        return str(line.getsockname()[0])
