// Faye for one benchmark run: long polls held 15 s, messages in memory.
const http = require("http");
const faye = require("faye");

const server = http.createServer();
new faye.NodeAdapter({ mount: "/faye", timeout: 15 }).attach(server);
// Node closes a quiet keep-alive connection after 5 s, and the generator would measure connecting.
server.keepAliveTimeout = 75000;
server.requestTimeout = 0;
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
