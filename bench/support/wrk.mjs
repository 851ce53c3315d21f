// wrk with a script of ours, whose last line is JSON; and nginx, the server to compare with.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { call, free_port } from '../../tests/integration/support/http.mjs';
import { Process } from '../../tests/integration/support/server.mjs';
import { forget_log, remove_folder, temp_folder, until } from
  '../../tests/integration/support/suite.mjs';
import { cores, find_program } from './report.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
export const lacks_wrk = find_program('wrk') ? null : 'there is no wrk (Debian package wrk)';
export const lacks_nginx = find_program('nginx') ? null :
  'there is no nginx (Debian package nginx)';

/// One run: {requests, seconds, rate, p50, p99, max} with latencies in ms. Answers other than
/// 2xx, and connections that broke, are errors.
export function wrk(script, url, { connections, seconds, args = [] }) {
  // One thread of wrk keeps up with a server that has to share the cores with it.
  const threads = Math.min(connections, Math.max(1, cores >> 2));
  const words = ['-t', threads, '-c', connections, '-d', `${seconds}s`, '--timeout', '30s', '-s',
                 path.join(here, script), url, '--', ...args];
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', words.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (out += text));
    child.on('error', reject);
    child.on('close', (code) => {
      const found = /^RESULT (.*)$/m.exec(out);
      if (code !== 0 || !found) return reject(new Error(`wrk ended with ${code}: ${out}`));
      const result = JSON.parse(found[1]);
      if (result.errors > 0 || result.requests === 0) {
        return reject(new Error(`wrk ${url}: ${out}`));
      }
      return resolve({ ...result, rate: result.requests / result.seconds });
    });
  });
}

/// nginx on a folder of static files, as many workers as cores, keep-alive, no access log.
/// `open_files` keeps descriptors open between requests, which Debian's configuration does not.
export class Nginx {
  static async start(bytes, { open_files = false } = {}) {
    const nginx = new Nginx();
    nginx.folder = temp_folder('nginx');
    nginx.port = await free_port();
    const file = (name) => path.join(nginx.folder, name);
    fs.mkdirSync(file('root'));
    fs.writeFileSync(file('root/document.json'), bytes);
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    fs.writeFileSync(file('nginx.conf'), `
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes ${cores};
daemon off;
pid ${file('nginx.pid')};
error_log stderr error;
events { worker_connections 1024; }
http {
  ${kinds.map((kind) => `${kind}_temp_path ${file(kind)};`).join('\n  ')}
  access_log off;
  default_type application/json;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  ${open_files ? 'open_file_cache max=1000; open_file_cache_valid 60s;' : ''}
  server { listen 127.0.0.1:${nginx.port}; root ${file('root')}; }
}
`);
    nginx.process = new Process(find_program('nginx'),
                                ['-p', nginx.folder, '-c', file('nginx.conf'), '-e', 'stderr'],
                                { label: 'nginx' });
    await until('nginx to answer', async () => {
      if (nginx.process.ended) throw new Error(nginx.process.describe_log());
      return (await call('GET', nginx.url + '/document.json')).status === 200;
    }, { guard: 10_000 });
    return nginx;
  }
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  get pid() {
    return this.process.pid;
  }
  async close() {
    await this.process.terminate();
    forget_log(this.process);
    remove_folder(this.folder);
  }
}
