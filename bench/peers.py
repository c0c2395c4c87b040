"""The servers that are compared, each with a configuration of its own, on an address of this machine."""
import getpass
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e"))
from ferry import Ferry as FerryServer, free_port  # noqa: E402

GCM = {"aes128-gcm", "aes256-gcm"}
ALL_CIPHERS = GCM | {"chacha20-poly1305", "aes128-ctr+hmac-sha2-256"}


class Place:
    """What all servers of one run share: the data they serve, and the key that opens them."""

    def __init__(self, work, address="127.0.0.1"):
        self.work, self.data, self.key, self.address = Path(work), Path(work) / "data", Path(work) / "key", address

    def at(self, address):
        return Place(self.work, address)

    def public_key(self):
        return Path(f"{self.key}.pub").read_text().strip()


class Peer:
    """One server process. `remote` is how a client names the folder of the data."""

    name = ""
    ciphers = ALL_CIPHERS
    scp = True
    at_once = 1000  # connections not yet logged in that it takes
    one_process = False  # serves every connection itself: 2,000 of them are affordable

    def __init__(self, place, meter):
        self.place, self.meter, self.port = place, meter, free_port()
        self.user, self.remote = getpass.getuser(), str(place.data)
        self.folder = place.work / f"{self.name}-{self.port}"
        self.folder.mkdir()
        command = self.prepare()
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*meter.wrapper, *map(str, command)], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        meter.started(self.process.pid)
        self.wait_until_listening()

    @classmethod
    def missing(cls):
        """Why it cannot run here; empty when it can."""
        return "" if shutil.which(cls.program) else f"{cls.program} is not installed"

    def prepare(self):
        """Writes what it needs into self.folder; answers the command."""
        raise NotImplementedError

    def host_key(self):
        key = self.folder / "host_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        return key

    def wait_until_listening(self):
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex((self.place.address, self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not start: {self.log.read_text(errors='replace')}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.meter.close()


class OpenSsh(Peer):
    name, program = "openssh", "/usr/sbin/sshd"

    def prepare(self):
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd's privilege separation wants it
        (self.folder / "sshd_config").write_text(f"""
Port {self.port}
ListenAddress {self.place.address}
HostKey {self.host_key()}
PidFile none
AuthorizedKeysFile {self.place.key}.pub
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PrintMotd no
MaxStartups 1000
LogLevel ERROR
Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr
MACs hmac-sha2-256,hmac-sha2-512,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com
Subsystem sftp internal-sftp
""")
        return [self.program, "-D", "-e", "-f", self.folder / "sshd_config"]


class ProFtpd(Peer):
    """mod_sftp."""

    name, program = "proftpd", "/usr/sbin/proftpd"
    ciphers = GCM | {"aes128-ctr+hmac-sha2-256"}  # 1.3.8 has no chacha20-poly1305

    def prepare(self):
        keys = subprocess.run(["ssh-keygen", "-e", "-m", "RFC4716", "-f", f"{self.place.key}.pub"], check=True,
                              capture_output=True, text=True).stdout
        (self.folder / "authorized").write_text(keys)
        (self.folder / "proftpd.conf").write_text(f"""
ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
ServerType standalone
ServerName bench
DefaultAddress {self.place.address}
Port {self.port}
UseIPv6 off
UseReverseDNS off
WtmpLog off
TransferLog none
SystemLog {self.folder}/system.log
ScoreboardFile none
PidFile {self.folder}/pid
DelayEngine off
MaxInstances none
RootLogin on
UseFtpUsers off
RequireValidShell off
AuthOrder mod_auth_unix.c
AllowOverwrite on
SFTPEngine on
SFTPHostKey {self.host_key()}
SFTPAuthMethods publickey
SFTPAuthorizedUserKeys file:{self.folder}/authorized
""")
        os.chmod(self.folder / "host_key", 0o600)
        return [self.program, "-n", "-q", "-c", self.folder / "proftpd.conf"]


class Rclone(Peer):
    """It keeps what it knows of a directory for minutes: what is served must be there before it starts."""

    name, program, scp, one_process = "rclone", "rclone", False, True
    ciphers = ALL_CIPHERS - {"aes256-gcm"}  # of 1.60

    def prepare(self):
        self.remote = ""
        return [self.program, "--config", "/dev/null", "serve", "sftp", "--addr", f"{self.place.address}:{self.port}",
                "--authorized-keys", f"{self.place.key}.pub", "--key", self.host_key(), self.place.data]


class Dropbear(Peer):
    """With OpenSSH's sftp-server, and the largest window it can be told to have."""

    name, program, at_once = "dropbear", "/usr/sbin/dropbear", 4
    ciphers = {"chacha20-poly1305", "aes128-ctr+hmac-sha2-256"}

    @classmethod
    def missing(cls):
        # It reads ~/.ssh/authorized_keys alone, so it is shown a home of its own, in a mount namespace of its own.
        return "not root" if os.geteuid() != 0 else super().missing()

    def prepare(self):
        real_home = pwd.getpwuid(os.geteuid()).pw_dir
        home = self.folder / "home"
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        home.chmod(0o700)
        (home / ".ssh/authorized_keys").write_text(self.place.public_key() + "\n")
        (home / ".ssh/authorized_keys").chmod(0o600)
        key = self.folder / "dropbear_key"
        subprocess.run(["dropbearkey", "-t", "ed25519", "-f", key], check=True, capture_output=True)
        script = f'mount --bind "{home}" "{real_home}" && exec "$@"'
        return ["unshare", "--mount", "/bin/sh", "-c", script, "sh", self.program, "-F", "-E", "-s", "-m", "-r", key,
                "-p", f"{self.place.address}:{self.port}", "-P", self.folder / "pid", "-W", "10485760"]


class Ferry(Peer):
    name, one_process = "ferry", True

    def __init__(self, place, meter):
        self.place, self.meter = place, meter
        environment = {"FERRY_COMMON__IDLE_TIMEOUT": "0", "FERRY_SFTPD__BINDINGS__0__ADDRESS": place.address}
        folder = place.work / f"ferry-{free_port()}"
        self.server = FerryServer(folder, environment, ["--log-level", "info"], meter.wrapper).start()
        meter.started(self.server.process.pid)
        self.user, self.port, self.remote = "bench", self.server.sftp_port, ""
        self.server.create_user(self.user, home_dir=str(place.data), public_keys=[place.public_key()])

    @classmethod
    def missing(cls):
        return ""

    def stop(self):
        self.server.stop()
        self.meter.close()


PEERS = {peer.name: peer for peer in (OpenSsh, ProFtpd, Rclone, Dropbear, Ferry)}
