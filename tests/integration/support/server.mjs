// The real binary, as a server, a worker or a command, and no process left behind.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from './api.mjs';
import { call, free_port } from './http.mjs';
import { forget_log, remove_folder, sleep, temp_folder, watch_log } from './suite.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
export const repository = path.resolve(here, '../../..');
export const binary = process.env.TELECINE_BIN || path.join(repository, 'build/telecine');
if (!fs.existsSync(binary)) {
  throw new Error(`there is no telecine at ${binary}; build it or set TELECINE_BIN`);
}

const log_lines = 400;
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.exit(1));
}

/// The caller's settings must not leak into what is tested.
function clean_environment(extra = {}) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (name.startsWith('TELECINE_') || /_proxy$/i.test(name)) delete env[name];
  }
  // Node's own test runner would make child processes of node report to it.
  delete env.NODE_TEST_CONTEXT;
  return { ...env, ...extra };
}

/// A process of ours with its output kept. `exited` resolves to {code, signal}.
export class Process {
  constructor(program, args, { env = {}, cwd, label = args[0], input = null } = {}) {
    this.label = label;
    this.command = [program, ...args].join(' ');
    this.stdout = '';
    this.stderr = '';
    this.lines = [];
    this.ended = null;
    this.child = spawn(program, args, {
      cwd,
      env: clean_environment(env),
      stdio: [input === null ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.pid = this.child.pid;
    running.add(this.child);
    watch_log(this);
    for (const stream of ['stdout', 'stderr']) {
      this.child[stream].setEncoding('utf8');
      this.child[stream].on('data', (text) => this.#keep(stream, text));
    }
    if (input !== null) this.child.stdin.end(input);
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', (error) => {
        running.delete(this.child);
        reject(error);
      });
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        this.ended = { code, signal };
        resolve(this.ended);
      });
    });
    this.exited.catch(() => {});
  }

  #keep(stream, text) {
    this[stream] = (this[stream] + text).slice(-4_000_000);
    this.lines.push(...text.split('\n').filter(Boolean));
    if (this.lines.length > 2 * log_lines) this.lines = this.lines.slice(-log_lines);
  }

  describe_log() {
    const end = this.ended ? `ended with ${JSON.stringify(this.ended)}` : 'running';
    return `--- ${this.label} (pid ${this.pid}, ${end}): ${this.command}\n${this.lines
      .slice(-log_lines)
      .join('\n')}\n---`;
  }

  signal(name) {
    if (!this.ended) this.child.kill(name);
  }

  /// Waits for the end; ends it by force when `guard` runs out, which is an error.
  async wait({ guard = 120_000 } = {}) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve(null), guard);
    });
    const end = await Promise.race([this.exited, late]);
    clearTimeout(timer);
    if (end) return end;
    this.signal('SIGKILL');
    await this.exited;
    throw new Error(`${this.command} did not end within ${guard / 1000} s`);
  }

  async kill() {
    this.signal('SIGKILL');
    await this.exited;
  }

  /// SIGTERM, and the orderly end that must follow.
  async terminate({ guard = 90_000 } = {}) {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    return this.wait({ guard });
  }
}

/// Runs a command to its end: {code, signal, stdout, stderr}.
export async function run(args, options = {}) {
  const one = new Process(options.program ?? binary, args, { label: 'command', ...options });
  const end = await one.wait(options);
  forget_log(one);
  return { ...end, stdout: one.stdout, stderr: one.stderr, command: one.command };
}

export async function create_key(data, { id, secret, account, app_id,
                                          scopes = 'read,write,admin' } = {}) {
  const args = ['key', 'create', '--data', data, '--id', id, '--secret', secret,
                '--scopes', scopes];
  if (account) args.push('--account', account);
  if (app_id) args.push('--app-id', String(app_id));
  const made = await run(args);
  if (made.code !== 0) throw new Error(`${made.command}: ${made.stderr}${made.stdout}`);
  return `sk-${id}.${secret}`;
}

/// `telecine serve` on a data directory of its own.
///
///     const server = await Server.start({ flags: ['--worker-stall', '2s'] });
///     await server.client.submit({ input: '…' });
///     await server.close();
export class Server {
  /// `data`: an existing directory, kept by `close`. `ready`: the path that must answer 200.
  /// `make_key: false` leaves the making of the first key to the server.
  static async start({ data = null, flags = [], env = {}, ready = '/readyz', make_key = true,
                       port = null } = {}) {
    const server = new Server();
    server.owns_data = data === null;
    server.data = data ?? temp_folder('data');
    server.flags = flags;
    server.env = env;
    server.ready = ready;
    server.port = port ?? (await free_port());
    server.token = null;
    if (make_key && data === null) {
      server.token = await create_key(server.data, { id: 'main', secret: 'main-secret-0001' });
    }
    try {
      await server.launch();
      if (!make_key) {
        server.token = fs.readFileSync(path.join(server.data, 'first.key'), 'utf8').trim();
      }
    } catch (error) {
      // Nobody else knows of this process, and it would keep the test runner waiting.
      await server.kill();
      throw error;
    }
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  get pid() {
    return this.process.pid;
  }
  get client() {
    return new Client(this.url, this.token);
  }
  /// A caller of another account, or another key of the same one.
  client_with(token) {
    return new Client(this.url, token);
  }
  async client_of(account) {
    const id = `key-${account}`;
    const token = await create_key(this.data, { id, secret: `secret-of-${account}`, account });
    return new Client(this.url, token);
  }

  /// Starts the process on the same data and port, and returns when it is ready.
  async launch({ guard = 60_000 } = {}) {
    if (this.process) forget_log(this.process);
    const args = ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`,
                  ...this.flags];
    this.process = new Process(binary, args, { env: this.env, label: 'server' });
    const end = Date.now() + guard;
    for (;;) {
      if (this.process.ended) {
        throw new Error(`the server ended at once: ${this.process.describe_log()}`);
      }
      const answer = await call('GET', this.url + this.ready).catch(() => null);
      if (answer && answer.status === 200) return this;
      if (Date.now() > end) {
        const last = answer ? `${answer.status} ${answer.text}` : 'no answer';
        throw new Error(`the server did not become ready: ${last}`);
      }
      await sleep(20);
    }
  }

  async kill() {
    await this.process.kill();
  }
  async terminate(options) {
    return this.process.terminate(options);
  }
  async restart() {
    await this.terminate();
    return this.launch();
  }

  /// An orderly end with exit code 0 (itself a check), and the data removed.
  async close() {
    try {
      const earlier = this.process?.ended;
      if (earlier && earlier.signal !== 'SIGKILL' && earlier.code !== 0) {
        console.error(`the server ended by itself: ${this.process.describe_log()}`);
      }
      if (this.process && !this.process.ended) {
        const end = await this.terminate();
        if (end.code !== 0) {
          console.error(this.process.describe_log());
          throw new Error(`the server ended with ${JSON.stringify(end)} instead of code 0`);
        }
      }
    } finally {
      if (this.process) forget_log(this.process);
      if (this.owns_data) remove_folder(this.data);
    }
  }
}

/// `telecine worker` beside a server.
export class Worker {
  constructor(data, flags = []) {
    this.data = data;
    this.flags = flags;
    this.launch();
  }
  launch() {
    if (this.process) forget_log(this.process);
    this.process = new Process(binary, ['worker', '--data', this.data, ...this.flags],
                               { label: 'worker' });
    return this;
  }
  get pid() {
    return this.process.pid;
  }
  async kill() {
    await this.process.kill();
  }
  async terminate(options) {
    return this.process.terminate(options);
  }
  async close() {
    if (!this.process.ended) await this.terminate().catch(() => this.kill());
    forget_log(this.process);
  }
}
