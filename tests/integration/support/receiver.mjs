// Stands in for a client's webhook endpoint: records everything, answers as told.
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { until } from './suite.mjs';

export class Receiver {
  /// `answers`: what to do with the first, second, … request: a status, 'cut' (break the
  /// connection without an answer), 'never' (do not answer), or {status, headers}. The last one
  /// stays. `host` is the address to listen on.
  static async start({ answers = [200], port = 0, host = '127.0.0.1' } = {}) {
    const receiver = new Receiver();
    receiver.answers = answers;
    receiver.requests = [];
    receiver.connections = 0;
    receiver.sockets = new Set();
    receiver.server = http.createServer((request, response) => receiver.#take(request, response));
    receiver.server.on('connection', (socket) => {
      receiver.connections += 1;
      receiver.sockets.add(socket);
      socket.on('close', () => receiver.sockets.delete(socket));
      socket.on('error', () => {});
    });
    await new Promise((resolve, reject) => {
      receiver.server.once('error', reject);
      receiver.server.listen(port, host, resolve);
    });
    receiver.port = receiver.server.address().port;
    receiver.address = `${host}:${receiver.port}`;
    receiver.url = `http://${receiver.address}/hook`;
    return receiver;
  }

  #take(request, response) {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const index = this.requests.length;
      const answer = this.answers[Math.min(index, this.answers.length - 1)];
      this.requests.push({
        method: request.method,
        path: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
        at: Date.now(),
      });
      if (answer === 'cut') return request.socket.destroy();
      if (answer === 'never') return undefined;
      const { status, headers = {} } = typeof answer === 'number' ? { status: answer } : answer;
      response.writeHead(status, headers);
      return response.end();
    });
  }

  /// The n-th request (from 0), once it has come.
  request(n, options = {}) {
    return until(`webhook ${n + 1}`, () => this.requests[n], { guard: 120_000, ...options });
  }

  async close() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/// Whether one of the signatures is good for the secret, by the Standard Webhooks rules.
export function is_signed(request, secret) {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const { headers } = request;
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${request.body}`;
  const wanted = createHmac('sha256', key).update(content).digest();
  return (headers['webhook-signature'] ?? '').split(' ').some((part) => {
    const [version, value] = part.split(',');
    const got = Buffer.from(value ?? '', 'base64');
    return version === 'v1' && got.length === wanted.length && timingSafeEqual(got, wanted);
  });
}
