// One task, seen at each of its states through every dialect that can show its kind. The server is
// in development mode: what is compared here is what the answers say, not who may ask.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { call } from './support/http.mjs';
import { long_work, quick_outputs, short_clip } from './support/media.mjs';
import { Server } from './support/server.mjs';
import { check } from './support/suite.mjs';

const get = async (url) => (await call('GET', url)).json();

/// What each dialect says of a task, reduced to its word for the state.
function eyes(server) {
  const number = (id) => parseInt(id.slice(0, 16), 16);
  const aliyun = (action, id) =>
    get(`${server.url}/?Action=${action}&Version=2019-08-10&Format=JSON&TaskId=${number(id)}`);
  return {
    native: async (id) => (await server.client.task(id)).state,
    tencent: async (id) => {
      const answer = await get(
        `${server.url}/v2/index.php?Action=GetTaskInfo&vodTaskId=1250000000-Procedure-${id}`);
      assert.equal(answer.code, 0, JSON.stringify(answer));
      return answer.status;
    },
    visionular: async (id) => {
      const answer = await get(`${server.url}/api/query_task?task_id=${id}`);
      assert.equal(answer.code, 0, JSON.stringify(answer));
      return answer.data.status;
    },
    aliyun_status: async (id) => (await aliyun('GetTaskStatus', id)).Status,
    aliyun_result: async (id) => (await aliyun('GetTaskResult', id)).Status,
    veo: async (id) => {
      const uuid = id.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
      return (await get(`${server.url}/google/v1/tasks/${uuid}`)).data.status;
    },
  };
}

async function seen(server, id, names) {
  const all = eyes(server);
  const words = {};
  for (const name of names) words[name] = await all[name](id);
  return words;
}

const of_transcodes = ['native', 'tencent', 'visionular'];

check('a transcode is the same task for everybody, from the queue to its end', async () => {
  const idle = await Server.start({ flags: ['--dev', '--worker-enabled', 'false'] });
  let id;
  try {
    const input = (await idle.client.upload(short_clip().bytes, 'clip.avi')).input;
    id = (await idle.client.submit({ input, outputs: quick_outputs })).id;
    assert.deepEqual(await seen(idle, id, of_transcodes),
                     { native: 'queued', tencent: 'WAITING', visionular: 'pending' });
    await idle.client.json('POST', `/api/v1/tasks/${id}/cancel`);
    assert.deepEqual(await seen(idle, id, of_transcodes),
                     { native: 'cancelled', tencent: 'FINISH', visionular: 'fail' });
  } finally {
    await idle.close();
  }
  const server = await Server.start({ flags: ['--dev'] });
  try {
    const { source, outputs } = long_work();
    const long = (await server.client.upload(source.bytes ?? fs.readFileSync(source.path), 'clip')).input;
    id = (await server.client.submit({ input: long, outputs })).id;
    await server.client.in_state(id, 'running');
    assert.deepEqual(await seen(server, id, of_transcodes),
                     { native: 'running', tencent: 'PROCESSING', visionular: 'running' });
    await server.client.json('POST', `/api/v1/tasks/${id}/cancel`);

    const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
    id = (await server.client.done({ input, outputs: quick_outputs })).id;
    assert.deepEqual(await seen(server, id, of_transcodes),
                     { native: 'succeeded', tencent: 'FINISH', visionular: 'success' });
    const bad = (await server.client.upload(Buffer.from('no media'), 'bad.mp4')).input;
    id = (await server.client.submit({ input: bad, outputs: quick_outputs })).id;
    assert.equal((await server.client.finished(id)).state, 'failed');
    assert.deepEqual(await seen(server, id, of_transcodes),
                     { native: 'failed', tencent: 'FINISH', visionular: 'fail' });
  } finally {
    await server.close();
  }
});

check('an analysis is the same task for the native API and Aliyun', async () => {
  const names = ['native', 'aliyun_status', 'aliyun_result'];
  const server = await Server.start({ flags: ['--dev'] });
  try {
    const input = (await server.client.upload(short_clip().bytes, 'clip.avi')).input;
    const done = await server.client.done({ kind: 'analyse', input });
    const words = await seen(server, done.id, names);
    assert.equal(words.native, 'succeeded');
    assert.equal(Number(words.aliyun_status), 2);
    assert.equal(Number(words.aliyun_result), 2);
  } finally {
    await server.close();
  }
});

check('a generation is the same task for the native API and the gateway', async () => {
  const server = await Server.start({ flags: ['--dev'] });
  try {
    const done = await server.client.done({
      kind: 'generate',
      generation: { prompt: 'a paper boat on a river', size: '320x180', duration: 1, fps: 10 },
    });
    assert.deepEqual(await seen(server, done.id, ['native', 'veo']),
                     { native: 'succeeded', veo: 'SUCCESS' });
  } finally {
    await server.close();
  }
});
