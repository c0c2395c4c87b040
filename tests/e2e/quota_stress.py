"""One process of the stress test: several clients that fight for the same names, of the users in turn. Arguments: port
password clients seed seconds users..."""
import asyncio
import random
import sys
import time

import asyncssh

from ferry import FACTOR

EVERYTHING = set(range(10))  # what step() answers, but for the further ways to upload
PLACES = ["/", "/shared/", "/mine/"]


async def step(dice, connection, sftp):
    """One operation on names that others use too."""
    path = dice.choice(PLACES) + f"f{dice.randrange(10)}"
    beside = path.rsplit("/", 1)[0] + f"/f{dice.randrange(10)}"
    anywhere = dice.choice(PLACES) + f"f{dice.randrange(10)}"
    what = dice.randrange(13)
    if what < 2:
        await sftp.remove(path)
    elif what == 2:
        await sftp.posix_rename(path, beside)
    elif what == 3:
        await sftp.posix_rename(path, anywhere)
    elif what == 4:
        await sftp.rename(path, anywhere)
    elif what == 5:
        await sftp.truncate(path, dice.randrange(50_000))
    elif what == 6:
        await sftp.link(path, beside)
    elif what == 7:
        result = await connection.run(f"sftpgo-copy {path} {anywhere}")
        if result.exit_status != 0:
            raise asyncssh.SFTPFailure(str(result.stderr))
    elif what == 8:
        await sftp.remote_copy(path, anywhere)
    elif what == 9:
        async with sftp.open(path, "ab") as file:
            await file.write(b"a" * dice.randrange(20_000))
    else:
        async with sftp.open(path, "wb") as file:
            await file.write(b"w" * dice.randrange(100_000))
    return what


async def client(port, user, password, seed, seconds, done):
    """Goes on for that long, and on a slow machine until this process has done everything once."""
    dice = random.Random(seed)
    async with asyncssh.connect("127.0.0.1", port, username=user, password=password, known_hosts=None, config=None,
                                client_keys=None, agent_path=None, login_timeout=60 * FACTOR) as connection:
        async with connection.start_sftp_client() as sftp:
            began = time.monotonic()
            while time.monotonic() - began < (seconds if done >= EVERYTHING else 30 * FACTOR):
                try:
                    done.add(await step(dice, connection, sftp))
                except asyncssh.SFTPError:
                    pass  # lost a race, or the quota is full


async def main():
    port, password, clients, seed, seconds, *users = sys.argv[1:]
    done = set()
    await asyncio.gather(*(client(int(port), users[number % len(users)], password, f"{seed}/{number}", float(seconds), done)
                           for number in range(int(clients))))
    print(*sorted(done))


asyncio.run(main())
