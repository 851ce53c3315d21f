// A strict client of the Tencent VOD v2 API: signs as the vendor's documents say, and takes every
// answer apart.
import assert from 'node:assert/strict';
import { createHmac, randomInt } from 'node:crypto';
import { call } from './http.mjs';
import { until } from './suite.mjs';

const path = '/v2/index.php';

function signature(secret, strong, method, host, parameters) {
  const by_bytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const names = Object.keys(parameters).sort(by_bytes);
  const text = names
    .filter((name) => method === 'GET' || !String(parameters[name]).startsWith('@'))
    .map((name) => `${name.replaceAll('_', '.')}=${parameters[name]}`)
    .join('&');
  return createHmac(strong ? 'sha256' : 'sha1', secret)
    .update(`${method}${host}${path}?${text}`)
    .digest('base64');
}

function multipart(parameters) {
  const boundary = '----------------------------0123456789';
  const parts = Object.entries(parameters).map(
    ([name, value]) =>
      `\r\n--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}`);
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: `${parts.join('')}\r\n--${boundary}--\r\n`,
  };
}

export class Vod {
  constructor(url, id, secret) {
    this.url = url;
    this.id = id;
    this.secret = secret;
  }

  /// The answer's document, whatever it says. `without` leaves parameters out after signing;
  /// `change` alters them.
  async send(Action, own = {}, { method = 'GET', form = 'urlencoded', strong = false, host,
                                 without = [], change = {}, common = {} } = {}) {
    const parameters = {
      Action,
      Nonce: randomInt(1, 2 ** 31),
      Region: '',
      RequestClient: 'telecine-test',
      SecretId: this.id,
      Timestamp: Math.floor(Date.now() / 1000),
      ...(strong ? { SignatureMethod: 'HmacSHA256' } : {}),
      ...common,
      ...own,
    };
    const signed_host = host ?? new URL(this.url).host;
    parameters.Signature = signature(this.secret, strong, method, signed_host, parameters);
    Object.assign(parameters, change);
    for (const name of without) delete parameters[name];
    const encoded = new URLSearchParams(parameters).toString();
    let answer;
    if (method === 'GET') {
      answer = await call('GET', `${this.url}${path}?${encoded}`);
    } else {
      const { type, body } = form === 'multipart'
        ? multipart(parameters)
        : { type: 'application/x-www-form-urlencoded', body: encoded };
      answer = await call(method, this.url + path, { headers: { 'Content-Type': type }, body });
    }
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    const document = answer.json();
    assert.ok(Number.isInteger(document.code), answer.text);
    assert.equal(typeof document.message, 'string');
    assert.ok('codeDesc' in document, answer.text);
    if (document.code !== 0) {
      assert.deepEqual(Object.keys(document), ['code', 'message', 'codeDesc'], answer.text);
    } else {
      assert.equal(document.codeDesc, 'Success');
      assert.equal(document.message, '');
    }
    return document;
  }

  async good(action, parameters, options) {
    const document = await this.send(action, parameters, options);
    assert.equal(document.code, 0, JSON.stringify(document));
    return document;
  }

  async refused(code, action, parameters, options) {
    const document = await this.send(action, parameters, options);
    assert.equal(document.code, code, JSON.stringify(document));
    return document;
  }

  async info(vodTaskId) {
    const info = await this.good('GetTaskInfo', { vodTaskId });
    assert.match(info.status, /^(WAITING|PROCESSING|FINISH)$/);
    for (const name of ['createTime', 'beginProcessTime', 'finishTime']) {
      assert.ok(Number.isInteger(info[name]), name);
    }
    assert.equal('data' in info, info.status !== 'WAITING', JSON.stringify(info));
    for (const step of info.data?.processTaskList ?? []) {
      assert.match(step.status, /^(PROCESSING|SUCCESS|FAIL)$/);
      assert.equal('output' in step, step.status === 'SUCCESS', JSON.stringify(step));
      assert.equal(step.errCode !== 0, step.status === 'FAIL', JSON.stringify(step));
    }
    return info;
  }

  finished(vodTaskId, { guard = 180_000 } = {}) {
    return until(`the end of ${vodTaskId}`, async () => {
      const info = await this.info(vodTaskId);
      return info.status === 'FINISH' ? info : null;
    }, { guard, every: 100 });
  }

  async run(parameters) {
    return (await this.good('RunProcedure', parameters, { method: 'POST' })).vodTaskId;
  }
}
