// engine.io for one benchmark run: polling only, every message echoed to its own session.
const http = require("http");
const engine = require("engine.io");

const server = http.createServer();
// One ping in 15 s, as often as the other servers answer a quiet poll; nobody pongs before the polls are open.
const io = engine.attach(server, { transports: ["polling"], pingInterval: 15000, pingTimeout: 120000 });
io.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
// Node closes a quiet keep-alive connection after 5 s, and the generator would measure connecting.
server.keepAliveTimeout = 75000;
server.requestTimeout = 0;
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
