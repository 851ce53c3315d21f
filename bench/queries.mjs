// GET /api/v1/tasks/{id} with a key over 64 connections, against nginx serving a static file of
// the same size: with few and many stored tasks, in the cache and not, alone and while tasks are
// submitted as fast as they can be.
import fs from 'node:fs';
import path from 'node:path';
import { remove_folder } from '../tests/integration/support/suite.mjs';
import { bytes_of, copy_of, database, lacks_store_bench, some_ids, token, warm_up, with_server }
  from './support/databases.mjs';
import { cpu_of_threads, cpu_of_tree, difference, progress, ratios, spread } from
  './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { lacks_nginx, lacks_wrk, Nginx, wrk } from './support/wrk.mjs';

const usage = `queries.mjs [--rounds N] [--seconds N] [--tasks N] [--data DIR] [--quick]

  --tasks N   the many (1000000)
  --data DIR  where databases are kept for the next time (build/bench-data)`;

const connections = 64;
const hot_ids = 1000;
const cold = ['--data-cached-tasks', '100']; // the least there may be
const warm_up_seconds = 1;
/// What a client submits while others ask.
const submission = JSON.stringify({
  input: 'https://media.example.com/library/1/source.mp4',
  outputs: [{ name: '720p', type: 'video', video: { short_side: 720 } }],
});

/// wrk's numbers and {cpu, threads, per_cpu}: requests per CPU second of all the server's
/// processes; `threads` has the CPU of each thread of the process `pid`.
async function load(pid, script, url, seconds, args) {
  await wrk(script, url, { connections, seconds: warm_up_seconds, args });
  const before = cpu_of_tree(pid);
  const threads_before = cpu_of_threads(pid);
  const result = await wrk(script, url, { connections, seconds, args });
  const cpu = cpu_of_tree(pid) - before;
  const threads = difference(cpu_of_threads(pid), threads_before);
  return { ...result, cpu, threads, per_cpu: result.requests / cpu };
}

const ask = (server, ids, seconds) =>
  load(server.pid, 'get.lua', server.url, seconds, [ids, '/api/v1/tasks/', token]);
const ask_nginx = (nginx, ids, seconds) =>
  load(nginx.pid, 'get.lua', nginx.url, seconds, [ids, '', token, '/document.json']);
const submit = (server, seconds) =>
  load(server.pid, 'post.lua', server.url, seconds, [token, submission]);

/// A document as the server sends it.
function document_of(folder) {
  const id = fs.readFileSync(some_ids(folder, 1), 'utf8').trim();
  return with_server(folder, [], async (server) =>
    (await server.client.raw('GET', `/api/v1/tasks/${id}`)).body);
}

// --- few and many, hot and cold ---

async function measure_sizes(few, many, nginxes, options) {
  const { seconds } = options;
  const all = { few: path.join(few, 'ids.txt'), many: path.join(many, 'ids.txt') };
  const hot = { few: some_ids(few, hot_ids), many: some_ids(many, hot_ids) };
  const contenders = {
    hot_few: () => with_server(few, [], (server) => ask(server, hot.few, seconds)),
    nginx: () => ask_nginx(nginxes.plain, hot.many, seconds),
    hot_many: () => with_server(many, [], (server) => ask(server, hot.many, seconds)),
    nginx_open: () => ask_nginx(nginxes.open_files, hot.many, seconds),
    cold_few: () => with_server(few, cold, (server) => ask(server, all.few, seconds)),
    cold_many: () => with_server(many, cold, (server) => ask(server, all.many, seconds)),
  };
  const rounds = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  warm_up(few);
  warm_up(many);
  for (let round = 1; round <= options.rounds; round++) {
    for (const [name, run_it] of Object.entries(contenders)) {
      progress(`queries: round ${round} of ${options.rounds}: ${name}`);
      rounds[name].push(await run_it());
    }
  }
  const column = (name, key) => rounds[name].map((each) => each[key]);
  const per_cpu = (name) => column(name, 'per_cpu');
  const against = (name, other) => spread(ratios(per_cpu(name), per_cpu(other)));
  const titles = {
    hot_few: `engine, ${few_tasks(options)} tasks, cached`,
    hot_many: `engine, ${options.tasks} tasks, cached`,
    cold_few: `engine, ${few_tasks(options)} tasks, not cached`,
    cold_many: `engine, ${options.tasks} tasks, not cached`,
    nginx: 'nginx as Debian sets it up',
    nginx_open: 'nginx, open_file_cache',
  };
  const row = (name) => [
    titles[name],
    spread(per_cpu(name), 0),
    against(name, 'nginx'),
    against(name, 'nginx_open'),
    spread(column(name, 'rate'), 0),
    spread(column(name, 'p50')),
    spread(column(name, 'p99')),
  ];
  return table(['', 'requests per CPU second', '÷ nginx', '÷ nginx with open files',
                'requests/s', 'p50, ms', 'p99, ms'], Object.keys(titles).map(row)) +
    `\nMany ÷ few, requests per CPU second: cached ${against('hot_many', 'hot_few')}, ` +
    `not cached ${against('cold_many', 'cold_few')}.\n`;
}

const few_tasks = (options) => Math.min(10_000, Math.ceil(options.tasks / 2));

// --- while a writer commits ---

/// Queries and submits share the threads that answer; the store's own thread is the writer's alone.
/// What a submit costs the answering threads is measured without queries in the same round; the
/// rest of their CPU is the queries'.
async function measure_writing(many, nginx, options) {
  const { seconds } = options;
  const hot = some_ids(many, hot_ids);
  const copy = copy_of(many);
  const series = { alone: [], writer: [], both: [], nginx: [] };
  const both = async (server, question) => {
    const writer = wrk('post.lua', server.url,
                       { connections, seconds: seconds + warm_up_seconds,
                         args: [token, submission] });
    // Both sides' errors come out, the other one's end awaited.
    const [written, asked] = await Promise.allSettled([writer, question()]);
    for (const side of [written, asked]) if (side.status === 'rejected') throw side.reason;
    return { ...asked.value, writes: written.value.rate };
  };
  try {
    await with_server(copy, [], async (server) => {
      for (let round = 1; round <= options.rounds; round++) {
        progress(`queries: with a writer, round ${round} of ${options.rounds}`);
        const asked = await ask(server, hot, seconds);
        series.alone.push(asked);
        // Those that did anything worth mentioning while there were only queries.
        const answering = Object.keys(asked.threads)
          .filter((thread) => asked.threads[thread] > asked.cpu / 50);
        const answered = ({ threads }) =>
          answering.reduce((sum, thread) => sum + threads[thread], 0);
        const written = await submit(server, seconds);
        series.writer.push(written);
        const mixed = await both(server, () => ask(server, hot, seconds));
        const submits = mixed.writes * mixed.seconds;
        const for_queries = answered(mixed) - (submits * answered(written)) / written.requests;
        series.both.push({ ...mixed, per_cpu: mixed.requests / for_queries });
        series.nginx.push(await both(server, () => ask_nginx(nginx, hot, seconds)));
      }
    });
  } finally {
    remove_folder(copy);
  }
  const column = (name, key) => series[name].map((each) => each[key]);
  const row = (text, name, writes) => [
    text, spread(column(name, 'per_cpu'), 0), spread(column(name, 'rate'), 0),
    spread(column(name, 'p50')), spread(column(name, 'p99')), writes,
  ];
  const writes = (name) => spread(column(name, 'writes'), 0);
  const against = (key, other) => spread(ratios(column('both', key), column(other, key)));
  return table(['', 'requests per CPU second', 'requests/s', 'p50, ms', 'p99, ms', 'submits/s'],
               [row('queries alone', 'alone', '–'),
                row('submits alone', 'writer', spread(column('writer', 'rate'), 0)),
                row('queries beside submits', 'both', writes('both')),
                row('nginx beside the same submits', 'nginx', writes('nginx'))]) +
    '\nQueries beside submits: requests per CPU second ' +
    `${against('per_cpu', 'alone')} of alone and ${against('per_cpu', 'nginx')} of nginx; ` +
    `p99 ${against('p99', 'nginx')} of nginx beside the same submits.\n`;
}

export async function run(given) {
  const options = with_defaults(given, { rounds: 5, seconds: 5, tasks: 1_000_000 },
                                { rounds: 1, seconds: 1, tasks: 2000 });
  const lacking = lacks_wrk ?? lacks_nginx ?? lacks_store_bench;
  if (lacking) return `## Queries\n\nSKIPPED: ${lacking}\n`;
  const few = await database(options.data, few_tasks(options));
  const many = await database(options.data, options.tasks);
  const document = await document_of(many);
  const nginxes = {};
  try {
    nginxes.plain = await Nginx.start(document);
    nginxes.open_files = await Nginx.start(document, { open_files: true });
    const sizes = await measure_sizes(few, many, nginxes, options);
    const writing = await measure_writing(many, nginxes.open_files, options);
    return `## Status queries: GET /api/v1/tasks/{id}\n\n${connections} connections, ` +
      `${options.rounds} rounds of ${options.seconds} s, documents of ${document.length} bytes; ` +
      `the larger database has ${(bytes_of(many) / 2 ** 30).toFixed(2)} GiB.\n\n${sizes}\n` +
      `### While tasks are submitted at full rate, ${options.tasks} tasks, cached\n\n${writing}`;
  } finally {
    for (const nginx of Object.values(nginxes)) await nginx.close();
  }
}

await main(import.meta.url, usage, run);
