// Where Redis is, for ioredis.
'use strict';

/** From a URL, redis+cluster://host:port,... too, or the number of a port of this machine. */
function connectionOf(text) {
  const nodes = /^redis\+cluster:\/\/(.*)$/.exec(text);
  if (nodes) {
    const { Cluster } = require('ioredis');
    return new Cluster(nodes[1].split(','), { redisOptions: { maxRetriesPerRequest: null } });
  }
  const url = new URL(/^\d+$/.test(text) ? `redis://127.0.0.1:${text}` : text);
  return {
    host: url.hostname,
    port: Number(url.port || 6379),
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    db: Number(url.pathname.slice(1) || 0),
  };
}

module.exports = { connectionOf };
