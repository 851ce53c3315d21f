// A plain HTTP/1.1 client: one connection a call, nothing hidden, no retries. (fetch keeps
// connections, which hides what a killed server does, and cannot send what these tests must send.)
import http from 'node:http';
import net from 'node:net';

const guard = 120_000;

/// Answers {status, headers, body: Buffer, text, json()}. `body` may be a Buffer, a string, an
/// object (sent as JSON) or a readable stream (sent chunked unless Content-Length is given). With
/// "Expect: 100-continue" the body is sent only when the server asks for it.
export function call(method, url, { headers = {}, body = null, timeout = guard } = {}) {
  return new Promise((resolve, reject) => {
    const sent = { ...headers };
    let bytes = body;
    if (body !== null && typeof body === 'object' && !Buffer.isBuffer(body) && !body.pipe) {
      bytes = JSON.stringify(body);
      sent['Content-Type'] ??= 'application/json';
    }
    if (typeof bytes === 'string') bytes = Buffer.from(bytes);
    if (Buffer.isBuffer(bytes)) sent['Content-Length'] ??= bytes.length;
    let answered = false;
    const request = http.request(url, { method, headers: sent, agent: false, timeout });
    request.on('timeout', () => request.destroy(new Error(`${method} ${url}: no answer`)));
    // A server that refuses a body may close while it is still being sent: the answer counts.
    request.on('error', (error) => answered || reject(error));
    request.on('response', (response) => {
      answered = true;
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('aborted', () => reject(new Error(`${method} ${url}: the answer broke off`)));
      response.on('end', () => {
        if (bytes && bytes.pipe) bytes.unpipe(request);
        if (!request.writableEnded) request.destroy();
        const whole = Buffer.concat(chunks);
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: whole,
          text: whole.toString('utf8'),
          json() {
            try {
              return JSON.parse(this.text);
            } catch {
              throw new Error(`${method} ${url} answered ${this.status}, not JSON: ${this.text}`);
            }
          },
        });
      });
    });
    const send = () => {
      if (bytes && bytes.pipe) {
        bytes.on('error', reject);
        bytes.pipe(request);
      } else {
        request.end(bytes ?? undefined);
      }
    };
    if (sent.Expect) {
      request.once('continue', send);
      request.flushHeaders();
    } else {
      send();
    }
  });
}

/// A port that was free a moment ago.
export function free_port() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

export function is_listening(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
