"""This machine's own OpenSSH server, with a configuration of its own, on 127.0.0.1."""
import getpass
import os
import socket
import subprocess
import time
from pathlib import Path

CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {key}.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PrintMotd no
LogLevel ERROR
Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr
MACs hmac-sha2-256,hmac-sha2-512,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com
Subsystem sftp internal-sftp
"""


class OpenSsh:
    name = "openssh"

    def __init__(self, folder, data, key, port, meter):
        self.folder, self.port, self.meter = Path(folder), port, meter
        self.user, self.remote = getpass.getuser(), str(data)
        self.folder.mkdir()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "host_key"], check=True)
        (self.folder / "sshd_config").write_text(CONFIG.format(port=port, folder=folder, key=key))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd's privilege separation wants it
        command = [*meter.wrapper, "/usr/sbin/sshd", "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with open(self.folder / "sshd.log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        meter.started(self.process.pid)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("sshd did not start: " + (self.folder / "sshd.log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.meter.close()
