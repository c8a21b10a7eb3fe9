// Ways in Node: node ways.js NAME WORD TARGETS
"use strict";
const [name, word, targets] = process.argv.slice(2);
const to = JSON.parse(targets);
setTimeout(() => process.exit(1), 2500).unref();
const ways = {
  net: () => require("net").connect(443, to.out4, function () { this.end(word); }),
  net6: () => require("net").connect(443, to.out6, function () { this.end(word); }),
  dgram: () => { const s = require("dgram").createSocket("udp4"); s.send(word, 4100, to.out4, () => s.close()); },
  fetch: () => fetch(`http://${to.out4}/${word}`, { signal: AbortSignal.timeout(1000) }),
  lookup: () => require("dns").lookup(`${word}.example.com`, () => {}),
  resolve: () => require("dns").resolve4(`${word}.example.com`, () => process.exit(0)),
  unix: () => require("net").connect(to.docker, function () { this.end(word); }),
  tls: () => require("tls").connect({ host: to.out4, port: 443, servername: `${word}.example.com` }).setTimeout(500, () => process.exit(0)),
  worker: () => new (require("worker_threads").Worker)(
    `require("net").connect(443, ${JSON.stringify(to.out4)}, function () { this.end(${JSON.stringify(word)}); })`, { eval: true }),
  child: () => require("child_process").spawn(process.execPath, [__filename, "dgram", word, targets], { stdio: "inherit" }),
};
process.on("uncaughtException", (error) => { console.log(String(error.message)); process.exit(1); });
process.on("unhandledRejection", (error) => { console.log(String(error.cause || error.message)); process.exit(1); });
ways[name]();
