// A client on ssh2 for Node, for test_interop.py; its arguments are those of libssh_client.c.
"use strict";
const fs = require("fs");
const { Client } = require("ssh2");

const [port, user, way, secret, what, ...words] = process.argv.slice(2);
const client = new Client();

function done(error, result) {
  if (error) {
    console.error(`${what}: ${error.message}`);
    process.exitCode = 1;
  } else if (result) {
    console.log(result.map((entry) => entry.filename).join("\n"));
  }
  client.end();
}

// From `offset` on, as an application resumes: its own streams, ours at the same place.
function pipe(from, to) {
  let open = 2;  // the one that ends last says goodbye
  for (const stream of [from, to]) stream.on("error", done).on("close", () => --open === 0 && done());
  from.pipe(to);
}

const operations = {
  put: (sftp, local, remote, offset) => Number(offset) === 0
    ? sftp.fastPut(local, remote, done)
    : pipe(fs.createReadStream(local, { start: Number(offset) }),
           sftp.createWriteStream(remote, { flags: "r+", start: Number(offset) })),
  get: (sftp, remote, local, offset) => Number(offset) === 0
    ? sftp.fastGet(remote, local, done)
    : pipe(sftp.createReadStream(remote, { start: Number(offset) }),
           fs.createWriteStream(local, { flags: "r+", start: Number(offset) })),
  list: (sftp, folder) => sftp.readdir(folder, done),
  rename: (sftp, from, to) => sftp.rename(from, to, done),
  remove: (sftp, file) => sftp.unlink(file, done),
  mkdir: (sftp, folder) => sftp.mkdir(folder, done),
};

client.on("ready", () => client.sftp((error, sftp) => (error ? done(error) : operations[what](sftp, ...words))));
client.on("error", done);
client.connect({
  host: "127.0.0.1",
  port: Number(port),
  username: user,
  ...(way === "key" ? { privateKey: fs.readFileSync(secret) } : { password: secret }),
});
