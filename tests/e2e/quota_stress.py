"""One process of the stress test: several clients that fight for the same names. Arguments: port user password
clients seed seconds."""
import asyncio
import random
import sys
import time

import asyncssh

PLACES = ["/", "/one/", "/two/"]


async def client(port, user, password, seed, until):
    dice = random.Random(seed)
    done = 0
    async with asyncssh.connect("127.0.0.1", port, username=user, password=password, known_hosts=None, config=None,
                                client_keys=None, agent_path=None, login_timeout=120) as connection:
        async with connection.start_sftp_client() as sftp:
            while time.monotonic() < until:
                path = dice.choice(PLACES) + f"f{dice.randrange(12)}"
                other = path.rsplit("/", 1)[0] + f"/f{dice.randrange(12)}"
                try:
                    what = dice.randrange(8)
                    if what == 0:
                        await sftp.remove(path)
                    elif what == 1:
                        await sftp.posix_rename(path, other)
                    elif what == 2:
                        await sftp.truncate(path, dice.randrange(50_000))
                    elif what == 3:
                        async with sftp.open(path, "ab") as file:
                            await file.write(b"a" * dice.randrange(20_000))
                    else:
                        async with sftp.open(path, "wb") as file:
                            await file.write(b"w" * dice.randrange(100_000))
                    done += 1
                except asyncssh.SFTPError:
                    pass  # lost a race, or the quota is full
    return done


async def main():
    port, user, password, clients, seed, seconds = sys.argv[1:]
    until = time.monotonic() + float(seconds)
    counts = await asyncio.gather(*(client(int(port), user, password, f"{seed}/{number}", until)
                                    for number in range(int(clients))))
    print(sum(counts))


asyncio.run(main())
