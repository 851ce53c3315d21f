// Server-sent events (the WHATWG format), with the connection in the test's hands.
import http from 'node:http';

/// One open stream. `next()` answers the next {id, event, data} or null at the end; `all()` reads
/// to the end; `close()` breaks the connection.
class EventStream {
  constructor(request, response) {
    this.request = request;
    this.status = response.statusCode;
    this.headers = response.headers;
    this.queue = [];
    this.waiting = null;
    this.ended = false;
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (piece) => {
      text += piece;
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end < 0) break;
        this.#take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    });
    const finish = () => {
      this.ended = true;
      this.#wake();
    };
    response.on('end', finish);
    response.on('error', finish);
    response.on('close', finish);
  }

  #take(block) {
    const message = { id: null, event: 'message', data: '' };
    const data = [];
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) continue;
      const colon = line.indexOf(':');
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'data') data.push(value);
      if (name === 'event') message.event = value;
      if (name === 'id') message.id = value;
    }
    if (data.length === 0) return;
    message.data = JSON.parse(data.join('\n'));
    this.queue.push(message);
    this.#wake();
  }

  #wake() {
    const waiting = this.waiting;
    this.waiting = null;
    if (waiting) waiting();
  }

  async next({ guard = 120_000 } = {}) {
    while (this.queue.length === 0) {
      if (this.ended) return null;
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no event came')), guard);
        this.waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.queue.shift();
  }

  /// The next message that `wanted` accepts; everything before it is passed over.
  async find(what, wanted, options) {
    for (;;) {
      const message = await this.next(options);
      if (message === null) throw new Error(`the stream ended before ${what}`);
      if (wanted(message)) return message;
    }
  }

  async all(options) {
    const messages = [];
    for (;;) {
      const message = await this.next(options);
      if (message === null) return messages;
      messages.push(message);
    }
  }

  close() {
    this.request.destroy();
  }
}

export function open_events(url, { headers = {}, last_event_id = null } = {}) {
  return new Promise((resolve, reject) => {
    const sent = { Accept: 'text/event-stream', ...headers };
    if (last_event_id !== null) sent['Last-Event-ID'] = String(last_event_id);
    const request = http.get(url, { headers: sent, agent: false });
    request.on('error', reject);
    request.on('response', (response) => resolve(new EventStream(request, response)));
  });
}
