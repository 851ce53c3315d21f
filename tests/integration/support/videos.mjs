// Stands in for a server with OpenAI's /v1/videos, well or badly: the mode stands in the prompt,
// "[lost] a heron". Without one it behaves.
//
//   busy        429 twice before it takes the request     refused     400 with a reason and a link
//   500         takes the request and answers 500         500-silent  the same, and cannot list
//   500-empty   answers 500 and took nothing, the first time
//   held        takes the request and never answers       held-silent the same, and cannot list
//   unknown     says words that nobody knows first        lost        never heard of the job
//   blip        twice does not know the job               babble      twice answers no JSON
//   failed      fails, with a reason                      expired     says so of the result
//   text        the result is a text                      gone        the result is 404, always
//   empty       the result has no byte                    cancelled   says so of the job
//   flaky       the result is 502 and half of it first    stuck       works for ever
//   clings      works for ever, and never answers the first DELETE
//   slow        the result trickles until released        late        takes the request when let
//
// A mode that `results` names has that result, and any other the usual one.
import http from 'node:http';

export class VideoServer {
  static async start({ result, results = {}, key = 'secret-key' } = {}) {
    const server = new VideoServer();
    Object.assign(server, { result, results, key, jobs: new Map(), posts: [], deleted: [], polls: 0,
                            sockets: new Set(), counts: new Map(), unauthorised: 0 });
    server.server = http.createServer((request, response) => server.#take(request, response));
    server.server.on('connection', (socket) => {
      server.sockets.add(socket);
      socket.on('close', () => server.sockets.delete(socket));
      socket.on('error', () => {});
    });
    await new Promise((resolve, reject) => {
      server.server.once('error', reject);
      server.server.listen(0, '127.0.0.1', resolve);
    });
    server.url = `http://127.0.0.1:${server.server.address().port}`;
    return server;
  }

  posts_for(word) {
    return this.posts.filter((post) => post.prompt.includes(word));
  }
  jobs_for(word) {
    return [...this.jobs.values()].filter((job) => job.prompt.includes(word));
  }

  /// How often this has been asked for `name`, from 1.
  #count(name) {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    return this.counts.get(name);
  }

  #take(request, response) {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
      if (request.headers.authorization !== `Bearer ${this.key}`) {
        this.unauthorised += 1;
        return this.#json(response, 401, { error: { message: 'who are you?' } });
      }
      const url = new URL(request.url, this.url);
      if (request.method === 'POST') return this.#create(request, response, Buffer.concat(chunks));
      if (url.pathname === '/v1/videos') return this.#list(response);
      const [, id, content] = /^\/v1\/videos\/([^/]+)(\/content)?$/.exec(url.pathname) ?? [];
      const job = this.jobs.get(id);
      if (request.method === 'DELETE') {
        if (job?.mode === 'clings' && this.#count(`delete ${id}`) === 1) {
          this.clung = id;
          return undefined;
        }
        this.deleted.push(id);
        return this.#json(response, job ? 200 : 404, { id, deleted: Boolean(job) });
      }
      if (!job) return this.#json(response, 404, { error: { message: 'no such video' } });
      return content ? this.#content(response, job) : this.#poll(response, job);
    });
  }

  #json(response, status, body, headers = {}) {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  }

  #fields(request, body) {
    const type = request.headers['content-type'] ?? '';
    if (type.startsWith('application/json')) return JSON.parse(body.toString());
    const boundary = /boundary=(.+)$/.exec(type)?.[1];
    const fields = {};
    for (const part of body.toString('latin1').split(`--${boundary}`)) {
      const [, name] = /name="([^"]+)"/.exec(part) ?? [];
      if (!name) continue;
      const value = part.slice(part.indexOf('\r\n\r\n') + 4, -2);
      fields[name] = /filename=/.test(part) ? { bytes: Buffer.from(value, 'latin1') }
                                            : Buffer.from(value, 'latin1').toString();
    }
    return fields;
  }

  #create(request, response, body) {
    const fields = this.#fields(request, body);
    this.posts.push({ ...fields, type: request.headers['content-type'] });
    const mode = /^\[([\w-]+)\]/.exec(fields.prompt)?.[1] ?? '';
    const seen = this.#count(`post ${fields.prompt}`);
    if (mode === 'busy' && seen <= 2) {
      return this.#json(response, 429, { error: { message: 'busy' } }, { 'Retry-After': '1' });
    }
    if (mode === 'refused') {
      const message = 'this prompt is not allowed, see https://rules.example.org/42';
      return this.#json(response, 400, { error: { message } });
    }
    if (mode === '500-empty' && seen === 1) return this.#json(response, 500, {});
    const id = `video_${this.jobs.size + 1}`;
    this.jobs.set(id, { id, mode, prompt: fields.prompt, polls: 0, fetches: 0,
                        created_at: Math.floor(Date.now() / 1000) });
    if (mode.startsWith('500') && seen === 1) {
      return this.#json(response, 500, { error: { message: 'oops' } });
    }
    if (mode.startsWith('held') && seen === 1) return undefined;
    if (mode === 'late' && seen === 1) {
      this.let = () => this.#json(response, 200, { id, status: 'queued' });
      return undefined;
    }
    return this.#json(response, 200, { id, status: 'queued' });
  }

  #list(response) {
    const silent = [...this.jobs.values()].some((job) => job.mode.endsWith('-silent'));
    if (silent && this.hides_silent) return this.#json(response, 404, { error: 'no list here' });
    const data = [...this.jobs.values()].reverse();
    return this.#json(response, 200, { object: 'list', data });
  }

  #poll(response, job) {
    this.polls += 1;
    job.polls += 1;
    const { mode, polls, id } = job;
    const state = (status, more = {}) => this.#json(response, 200, { id, status, ...more });
    if (mode === 'lost' || (mode === 'blip' && polls <= 2)) {
      return this.#json(response, 404, { error: { message: 'no such video' } });
    }
    if (mode === 'babble' && polls <= 2) return response.writeHead(200).end('<html>hello</html>');
    if (mode === 'unknown' && polls === 1) return state('unknown');
    if (mode === 'unknown' && polls === 2) return state('simmering');
    if (mode === 'failed') return state('failed', { error: { message: 'the scene is unsafe' } });
    if (mode === 'expired' || mode === 'cancelled') return state(mode);
    if (mode === 'stuck' || mode === 'clings') return state('in_progress', { progress: 30 });
    if (polls <= 2) return state(polls === 1 ? 'queued' : 'in_progress', { progress: 40 * polls - 40 });
    return state('completed', { progress: 100 });
  }

  #content(response, job) {
    job.fetches += 1;
    if (job.mode === 'gone') return this.#json(response, 404, { detail: 'expired' });
    if (job.mode === 'text') return response.writeHead(200).end('Your video is on its way!');
    if (job.mode === 'flaky' && job.fetches === 1) return response.writeHead(502).end();
    const result = job.mode === 'empty' ? Buffer.alloc(0) : (this.results[job.mode] ?? this.result);
    response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': result.length });
    const half = Math.floor(result.length / 2);
    if (job.mode === 'flaky' && job.fetches === 2) {
      response.write(result.subarray(0, half));
      return setTimeout(() => response.destroy(), 50);
    }
    if (job.mode === 'slow' && !this.released) {
      response.write(result.subarray(0, half));
      return undefined;
    }
    return response.end(result);
  }

  async close() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
