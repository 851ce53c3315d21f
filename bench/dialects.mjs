// Queries of one finished task in every dialect, signed as its clients sign them, against the
// native query: requests per CPU second of the server.
import { createHmac, randomInt } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { AliyunClient, escape } from '../tests/integration/support/aliyun.mjs';
import { call } from '../tests/integration/support/http.mjs';
import { quick_outputs, short_clip } from '../tests/integration/support/media.mjs';
import { Server } from '../tests/integration/support/server.mjs';
import { remove_folder, temp_folder, until } from '../tests/integration/support/suite.mjs';
import { VisionularClient } from '../tests/integration/support/visionular.mjs';
import { cpu_of_tree, progress, ratios, spread } from './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { lacks_wrk, wrk } from './support/wrk.mjs';

const usage = 'dialects.mjs [--rounds N] [--seconds N] [--quick]';
const connections = 64;
const app_id = 1250000000;
const key = { id: 'main', secret: 'main-secret-0001' };
/// Signed requests to have ready for a second: more than are answered on two cores. (Aliyun's nonces
/// are kept for half an hour and at most 200,000 of them, which bounds rounds and seconds.)
const most_a_second = 150_000;

function tencent_query(host, id) {
  const parameters = {
    Action: 'GetTaskInfo', Nonce: randomInt(1, 2 ** 31), Region: '', SecretId: key.id,
    Timestamp: Math.floor(Date.now() / 1000), vodTaskId: `${app_id}-Procedure-${id}`,
  };
  const text = Object.keys(parameters).sort().map((name) => `${name}=${parameters[name]}`);
  const signature = createHmac('sha1', key.secret)
    .update(`GET${host}/v2/index.php?${text.join('&')}`).digest('base64');
  return `/v2/index.php?${new URLSearchParams({ ...parameters, Signature: signature })}`;
}

/// One finished task of each kind, and who asks for it how: {target, headers}.
async function askers(server) {
  const { client, url, token } = server;
  const host = new URL(url).host;
  const input = (await client.upload(short_clip().bytes, 'clip.avi')).input;
  const transcode = (await client.done({ input, outputs: quick_outputs })).id;
  const analysis = (await client.done({ kind: 'analyse', input })).id;
  const generation = (await client.done({
    kind: 'generate', generation: { prompt: 'a boat', size: '320x180', duration: 1, fps: 10 },
  })).id;
  const { bearer, number } = await finished_export(server);
  const bearer_of = (text) => ({ Authorization: `Bearer ${text}` });
  const uuid = generation.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
  const visionular = new VisionularClient(url, key.id, key.secret);
  const aliyun = new AliyunClient(url, key.id, key.secret);
  const signed_v1 = () => {
    const parameters = aliyun.signed_v1('GET', 'GetTaskResult', {
      TaskId: String(parseInt(analysis.slice(0, 16), 16)), Format: 'JSON' });
    return Object.entries(parameters).map(([n, v]) => `${escape(n)}=${escape(v)}`).join('&');
  };
  const fixed = (target, headers) => Object.assign(() => ({ target, headers }), { fixed: true });
  const native = (id) => fixed(`/api/v1/tasks/${id}`, bearer_of(token));
  const query = `/api/query_task?task_id=${transcode}`;
  return [
    ['Tencent, HMAC-SHA1', native(transcode), () => ({ target: tencent_query(host, transcode) })],
    ['Visionular, signed', native(transcode),
     () => ({ target: query, headers: visionular.headers('GET', query, '') })],
    ['Aliyun, signature 1.0', native(analysis), () => ({ target: `/?${signed_v1()}` })],
    ['Feishu, token', null,
     fixed(`/open-apis/vc/v1/exports/${number}`, bearer_of(bearer))],
    ['Gateway, token', native(generation), fixed(`/google/v1/tasks/${uuid}`, bearer_of(token))],
  ].map(([name, same, asked]) => ({ name, same: same ?? native(transcode), asked }));
}

/// A list of meetings, exported and done; the key is the app.
async function finished_export(server) {
  const post = async (target, body, headers = {}) =>
    (await call('POST', server.url + target, {
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    })).json();
  const granted = await post('/open-apis/auth/v3/tenant_access_token/internal',
                             { app_id: key.id, app_secret: key.secret });
  const bearer = granted.tenant_access_token;
  const now = Math.floor(Date.now() / 1000);
  const made = await post('/open-apis/vc/v1/exports/meeting_list',
                          { start_time: String(now - 86_400), end_time: String(now) },
                          { Authorization: `Bearer ${bearer}` });
  if (made.code !== 0) throw new Error(`no export: ${JSON.stringify(made)}`);
  const number = made.data.task_id;
  await until('the export', async () => {
    const answer = await call('GET', `${server.url}/open-apis/vc/v1/exports/${number}`,
                              { headers: { Authorization: `Bearer ${bearer}` } });
    return answer.json().data?.status === 3;
  });
  return { bearer, number };
}

function write_requests(file, host, asked, count) {
  const out = fs.openSync(file, 'w');
  for (let done = 0; done < count; ) {
    const chunk = [];
    for (; chunk.length < 10_000 && done < count; done++) {
      const { target, headers = {} } = asked();
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const text = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}\r\n`;
      chunk.push(`${Buffer.byteLength(text)}\n${text}`);
    }
    fs.writeSync(out, chunk.join(''));
  }
  fs.closeSync(out);
}

async function measure(server, folder, asked, seconds) {
  const file = path.join(folder, 'requests');
  const host = new URL(server.url).host;
  write_requests(file, host, asked, asked.fixed ? 1 : Math.ceil(seconds * most_a_second));
  const before = cpu_of_tree(server.pid);
  const result = await wrk('lines.lua', server.url, {
    connections, seconds, args: asked.fixed ? [file, 'again'] : [file] });
  return { ...result, per_cpu: result.requests / (cpu_of_tree(server.pid) - before) };
}

export async function run(given) {
  const options = with_defaults(given, { rounds: 3, seconds: 2 }, { rounds: 1, seconds: 1 });
  if (lacks_wrk) return `## Dialects\n\nSKIPPED: ${lacks_wrk}\n`;
  const folder = temp_folder('bench-dialects');
  const server = await Server.start({
    flags: ['--log-level', 'warning', '--tencent-rate-per-minute', '0',
            '--feishu-rate-per-minute', '0'],
  });
  try {
    const rows = [];
    for (const { name, same, asked } of await askers(server)) {
      const series = { native: [], dialect: [] };
      for (let round = 1; round <= options.rounds; round++) {
        progress(`dialects: ${name}, round ${round} of ${options.rounds}`);
        series.native.push(await measure(server, folder, same, options.seconds));
        series.dialect.push(await measure(server, folder, asked, options.seconds));
      }
      const column = (which, what) => series[which].map((each) => each[what]);
      rows.push([name, spread(column('dialect', 'per_cpu'), 0), spread(column('native', 'per_cpu'), 0),
                 spread(ratios(column('dialect', 'per_cpu'), column('native', 'per_cpu'))),
                 spread(column('dialect', 'p99'))]);
    }
    return `## Queries in the dialects\n\n${connections} connections, ${options.rounds} rounds of ` +
      `${options.seconds} s; every request is signed and sent once. Beside each its like of the ` +
      'native API: the same task where that can be.\n\n' +
      table(['', 'requests per CPU second', 'native', '÷ native', 'p99, ms'], rows);
  } finally {
    await server.close();
    remove_folder(folder);
  }
}

await main(import.meta.url, usage, run);
