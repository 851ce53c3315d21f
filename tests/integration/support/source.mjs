// Serves clips over HTTP, well or badly: the places inputs come from.
import http from 'node:http';
import { createHash } from 'node:crypto';

/// A path's behaviour, by mode:
///   ok         the bytes, with ETag and ranges          plain      the bytes, without either
///   404, 403, 500, …  that status                       never      takes the request, says nothing
///   drip       a header, then one byte a second         endless    bytes without end or length
///   huge       announces 1 TiB and sends a little       truncated  half of what was announced
///   cut        breaks off half-way the first time, goes on by Range the second
///   {redirect: url}                                      the last mode of a list stays
export class MediaSource {
  static async start({ port = 0, host = '127.0.0.1' } = {}) {
    const source = new MediaSource();
    source.routes = new Map();
    source.requests = [];
    source.sockets = new Set();
    source.timers = new Set();
    source.server = http.createServer((request, response) => source.#serve(request, response));
    source.server.on('connection', (socket) => {
      source.sockets.add(socket);
      socket.on('close', () => source.sockets.delete(socket));
      socket.on('error', () => {});
    });
    await new Promise((resolve, reject) => {
      source.server.once('error', reject);
      source.server.listen(port, host, resolve);
    });
    source.port = source.server.address().port;
    source.address = `${host}:${source.port}`;
    return source;
  }

  /// Answers the URL. The same path again changes its behaviour.
  serve(path, mode, bytes = Buffer.alloc(0), type = 'video/mp4') {
    this.routes.set(path, { modes: Array.isArray(mode) ? mode : [mode], bytes, type, served: 0 });
    return `http://${this.address}${path}`;
  }

  requests_for(path) {
    return this.requests.filter((request) => request.path === path);
  }

  #serve(request, response) {
    this.requests.push({ path: request.url, method: request.method, headers: request.headers });
    response.on('error', () => {});
    const route = this.routes.get(request.url);
    if (!route) return response.writeHead(404).end();
    const mode = route.modes[Math.min(route.served++, route.modes.length - 1)];
    if (typeof mode === 'number') return response.writeHead(mode).end(`status ${mode}`);
    if (mode.redirect) return response.writeHead(302, { Location: mode.redirect }).end();
    return this[`_${mode}`](request, response, route);
  }

  _ok(request, response, { bytes, type }) {
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const headers = { 'Content-Type': type, ETag: etag, 'Accept-Ranges': 'bytes' };
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const valid = !request.headers['if-range'] || request.headers['if-range'] === etag;
    if (!range || !valid) {
      response.writeHead(200, { ...headers, 'Content-Length': bytes.length });
      return response.end(bytes);
    }
    const first = Number(range[1]);
    const last = range[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1;
    const content = `bytes ${first}-${last}/${bytes.length}`;
    const part = bytes.subarray(first, last + 1);
    response.writeHead(206, { ...headers, 'Content-Length': part.length,
                              'Content-Range': content });
    return response.end(part);
  }

  _plain(request, response, { bytes, type }) {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length });
    response.end(bytes);
  }

  _never() {}

  _drip(request, response, { bytes, type }) {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length });
    let at = 0;
    const timer = setInterval(() => {
      if (response.destroyed) return this.#stop(timer);
      response.write(bytes.subarray(at, ++at));
      return undefined;
    }, 1000);
    this.timers.add(timer);
  }

  _endless(request, response, { type }) {
    response.writeHead(200, { 'Content-Type': type });
    const piece = Buffer.alloc(64 << 10, 'x');
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  }

  _huge(request, response, { type }) {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': 2 ** 40 });
    response.write(Buffer.alloc(1024));
  }

  _truncated(request, response, { bytes, type }) {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length });
    response.write(bytes.subarray(0, bytes.length >> 1), () => request.socket.destroy());
  }

  _cut(request, response, route) {
    if (route.served > 1) return this._ok(request, response, route);
    const { bytes, type } = route;
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length, ETag: etag,
                              'Accept-Ranges': 'bytes' });
    return response.write(bytes.subarray(0, bytes.length >> 1), () => {
      // Give the bytes time to leave before the connection breaks.
      const timer = setTimeout(() => request.socket.destroy(), 200);
      this.timers.add(timer);
    });
  }

  #stop(timer) {
    clearInterval(timer);
    this.timers.delete(timer);
  }

  async close() {
    for (const timer of this.timers) clearTimeout(timer);
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
