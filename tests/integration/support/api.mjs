// The native API as a client writes it.
import assert from 'node:assert/strict';
import { call } from './http.mjs';
import { open_events } from './sse.mjs';
import { until } from './suite.mjs';

export const final_states = ['succeeded', 'failed', 'cancelled'];

export class Client {
  constructor(url, token) {
    this.url = url;
    this.token = token;
  }

  #absolute(path) {
    return path.startsWith('http') ? path : this.url + path;
  }

  raw(method, path, { headers = {}, ...rest } = {}) {
    const sent = this.token ? { Authorization: `Bearer ${this.token}`, ...headers } : headers;
    return call(method, this.#absolute(path), { headers: sent, ...rest });
  }

  /// The answer's JSON; any status but `expected` fails the check.
  async json(method, path, body = null, { expected = null, ...rest } = {}) {
    const answer = await this.raw(method, path, { body, ...rest });
    const good = expected === null ? answer.status < 300 : answer.status === expected;
    assert.ok(good, `${method} ${path} answered ${answer.status}: ${answer.text}`);
    return answer.text === '' ? null : answer.json();
  }

  get(path, options) {
    return this.json('GET', path, null, options);
  }
  submit(body, options) {
    return this.json('POST', '/api/v1/tasks', body, { expected: 202, ...options });
  }
  task(id) {
    return this.get(`/api/v1/tasks/${id}`);
  }
  async history(id) {
    return (await this.get(`/api/v1/tasks/${id}/history`)).events;
  }

  /// The task once it has ended, by long polls.
  async finished(id, { guard = 300_000 } = {}) {
    const end = Date.now() + guard;
    for (;;) {
      const task = await this.get(`/api/v1/tasks/${id}?wait=10s`);
      if (final_states.includes(task.state)) return task;
      if (Date.now() > end) assert.fail(`the task never ended: ${JSON.stringify(task)}`);
    }
  }
  async succeeded(id, options) {
    const task = await this.finished(id, options);
    assert.equal(task.state, 'succeeded', JSON.stringify(task.error));
    return task;
  }
  /// Polls until the task is in the state.
  in_state(id, state, options) {
    return until(`state ${state} of ${id}`, async () => {
      const task = await this.task(id);
      if (task.state !== state && final_states.includes(task.state)) {
        assert.fail(`the task ended as ${task.state}: ${JSON.stringify(task.error)}`);
      }
      return task.state === state ? task : null;
    }, options);
  }
  /// Submits and answers the succeeded task.
  async done(body, options) {
    return this.succeeded((await this.submit(body)).id, options);
  }

  /// Uploads bytes or a stream in one request.
  async upload(body, name, { headers = {} } = {}) {
    return this.json('POST', `/api/v1/files?name=${encodeURIComponent(name)}`, body, {
      expected: 201,
      headers: { 'Content-Type': 'application/octet-stream', ...headers },
    });
  }

  events(path, options = {}) {
    return open_events(this.#absolute(path), {
      ...options,
      headers: { Authorization: `Bearer ${this.token}`, ...options.headers },
    });
  }
}

/// A problem document (RFC 9457) with the given status and code; answers it.
export function assert_problem(answer, status, code, field = undefined) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json\b/);
  const problem = answer.json();
  assert.equal(problem.code, code, answer.text);
  assert.equal(problem.status, status);
  assert.equal(problem.type, `urn:telecine:error:${code}`);
  assert.ok(problem.title, 'a problem has a title');
  assert.ok(problem.detail && problem.detail.length > 5, `a problem says why: ${answer.text}`);
  if (field !== undefined) assert.equal(problem.field, field, answer.text);
  return problem;
}
