// A real S3 server: Ceph's radosgw, and a proxy in front of it that misbehaves when told to.
import { spawn, spawnSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { call, is_listening } from './http.mjs';
import { remove_folder, temp_folder } from './suite.mjs';

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'rgw.sh');
const programs = ['ceph', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin'];
const absent = programs.filter((name) => spawnSync('which', [name]).status !== 0);
/// Why there can be no object store here, or null.
export const lacks_rgw = absent.length > 0
  ? `there is no ${absent.join(', ')} (Debian packages radosgw ceph-mon ceph-osd ceph-common)`
  : null;

const guard = 200_000;

// The daemons are nobody's children: a test process that ends early must not leave them behind.
// Before the folders go, in which it is written who they are.
const running = new Set();
const starting = new Set();
process.prependListener('exit', () => {
  for (const pid of starting) stop_group(pid);
  for (const rgw of running) spawnSync('bash', [script, 'down', rgw.folder, String(rgw.port)]);
});

function stop_group(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function run(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', [script, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,  // a group of its own, with whatever it waits for
    });
    starting.add(child.pid);
    const timer = setTimeout(() => {
      stop_group(child.pid);
      reject(new Error(`rgw.sh ${args[0]} did not end within ${guard / 1000} s`));
    }, guard);
    let errors = '';
    child.stderr.on('data', (text) => (errors += text));
    child.on('error', reject);
    // Not 'close': the daemons that stay behind may hold the pipe.
    child.on('exit', (code) => {
      clearTimeout(timer);
      starting.delete(child.pid);
      child.stderr.destroy();
      if (code === 0) resolve();
      else reject(new Error(`rgw.sh ${args[0]}: ${code} ${errors}`));
    });
  });
}

/// Three free ports in a row.
async function free_ports() {
  for (let tries = 0; tries < 50; tries += 1) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const taken = await Promise.all([port, port + 1, port + 2].map(is_listening));
    if (!taken.includes(true)) return port;
  }
  throw new Error('no three free ports in a row');
}

const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const encode = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export class Rgw {
  static async start() {
    const rgw = new Rgw();
    rgw.folder = temp_folder('rgw');
    rgw.port = await free_ports();
    rgw.access_key = 'TELECINETESTAK000001';
    rgw.secret_key = 'telecine-test-secret-key-0000000000000001';
    rgw.host = `127.0.0.1:${rgw.port}`;
    rgw.url = `http://${rgw.host}`;
    running.add(rgw);
    try {
      await run(['up', rgw.folder, String(rgw.port)],
                { RGW_ACCESS_KEY: rgw.access_key, RGW_SECRET_KEY: rgw.secret_key });
    } catch (error) {
      await rgw.close();
      throw error;
    }
    return rgw;
  }

  /// A request of the test's own, signed by a second implementation of V4.
  request(method, object, { query = {}, body = Buffer.alloc(0), headers = {} } = {}) {
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const day = date.slice(0, 8);
    const hash = createHash('sha256').update(body).digest('hex');
    const target = object.split('/').map(encode).join('/');
    const pairs = Object.entries(query).map(([k, v]) => `${encode(k)}=${encode(v)}`).sort().join('&');
    const signed = 'host;x-amz-content-sha256;x-amz-date';
    const canonical = [method, target, pairs, `host:${this.host}`, `x-amz-content-sha256:${hash}`,
                       `x-amz-date:${date}`, '', signed, hash].join('\n');
    const scope = `${day}/us-east-1/s3/aws4_request`;
    const text = ['AWS4-HMAC-SHA256', date, scope,
                  createHash('sha256').update(canonical).digest('hex')].join('\n');
    let key = `AWS4${this.secret_key}`;
    for (const step of [day, 'us-east-1', 's3', 'aws4_request']) key = hmac(key, step);
    const signature = createHmac('sha256', key).update(text).digest('hex');
    return call(method, `${this.url}${target}${pairs ? `?${pairs}` : ''}`, {
      body: body.length > 0 ? body : null,
      headers: {
        ...headers,
        'x-amz-date': date,
        'x-amz-content-sha256': hash,
        Authorization: `AWS4-HMAC-SHA256 Credential=${this.access_key}/${scope}, ` +
                       `SignedHeaders=${signed}, Signature=${signature}`,
      },
    });
  }

  async make_bucket(name) {
    const made = await this.request('PUT', `/${name}`);
    if (made.status !== 200) throw new Error(`no bucket ${name}: ${made.status} ${made.text}`);
  }
  async put(bucket, key, body) {
    const put = await this.request('PUT', `/${bucket}/${key}`, { body });
    if (put.status !== 200) throw new Error(`no object ${key}: ${put.status} ${put.text}`);
  }
  get(bucket, key) {
    return this.request('GET', `/${bucket}/${key}`);
  }
  /// Keys of unfinished multipart uploads.
  async uploads(bucket) {
    const answer = await this.request('GET', `/${bucket}`, { query: { uploads: '' } });
    return [...answer.text.matchAll(/<Upload>.*?<Key>(.*?)<\/Key>/gs)].map((match) => match[1]);
  }

  /// The table of a configuration file.
  endpoint(name, { url = this.url, extra = '' } = {}) {
    return `[[object.endpoint]]\nname = "${name}"\ntype = "s3"\nregion = "us-east-1"\n` +
           `url = "${url}"\naccess_key = "${this.access_key}"\n` +
           `secret_key = "${this.secret_key}"\n${extra}\n`;
  }

  async close() {
    await run(['down', this.folder, String(this.port)], {}).catch(() => {});
    running.delete(this);
    remove_folder(this.folder);
  }
}

/// Passes requests on to a store byte by byte, except where `misbehave(request, n)` answers what to
/// do with the n-th request (from 0) it has seen: 'reset' (break the connection), 503 or another
/// status, 'complete-error' (200 with an error in the body), 'cut' (half of the answer's body),
/// 'hold' (pass it on only when `release` is called), or nothing. The Host header stays as it came
/// and is what the signature covers.
export class StoreProxy {
  static async start(rgw) {
    const proxy = new StoreProxy();
    proxy.rgw = rgw;
    proxy.misbehave = () => null;
    proxy.seen = [];
    proxy.held = [];
    proxy.sockets = new Set();
    proxy.server = http.createServer((request, response) => proxy.#pass(request, response));
    proxy.server.on('connection', (socket) => {
      proxy.sockets.add(socket);
      socket.on('close', () => proxy.sockets.delete(socket));
      socket.on('error', () => {});
    });
    await new Promise((resolve, reject) => {
      proxy.server.once('error', reject);
      proxy.server.listen(0, '127.0.0.1', resolve);
    });
    proxy.port = proxy.server.address().port;
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  #pass(request, response) {
    const chunks = [];
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const one = { method: request.method, url: request.url, headers: request.headers };
      const fault = this.misbehave(one, this.seen.length);
      this.seen.push(one);
      if (fault === 'reset') return request.socket.destroy();
      if (typeof fault === 'number') return response.writeHead(fault).end();
      if (fault === 'complete-error') {
        response.writeHead(200, { 'Content-Type': 'application/xml' });
        return response.end('<Error><Code>InternalError</Code><Message>no</Message></Error>');
      }
      const forward = () => this.#forward(one, Buffer.concat(chunks), response, fault === 'cut');
      if (fault === 'hold') return this.held.push(forward);
      return forward();
    });
  }

  #forward(one, body, response, cut) {
    const onward = http.request({
      host: '127.0.0.1', port: this.rgw.port, agent: false,
      method: one.method, path: one.url, headers: one.headers,
    }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', () => response.destroy());
      answer.on('end', () => {
        const whole = Buffer.concat(chunks);
        response.writeHead(answer.statusCode, answer.headers);
        if (!cut) return response.end(whole);
        return response.write(whole.subarray(0, whole.length >> 1), () => {
          setTimeout(() => response.destroy(), 100);
        });
      });
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  }

  release() {
    for (const forward of this.held.splice(0)) forward();
  }

  async close() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
