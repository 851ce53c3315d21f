// A client of Visionular's API, in both generations.
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { call } from './http.mjs';

export class VisionularClient {
  constructor(url, key, secret) {
    Object.assign(this, { url, key, secret });
  }

  headers(method, target, text, { date = new Date().toUTCString(), nonce = randomUUID(),
                                  end = '' } = {}) {
    const digest = text ? createHash('md5').update(text).digest('hex').toUpperCase() : '';
    const type = text ? 'application/json' : '';
    const [path, query = ''] = target.split('?');
    const pairs = query ? `?${query.split('&').sort().join('&')}` : '';
    const to_sign = [method, digest, type, date, `x-wz-nonce:${nonce}`, path + pairs].join('\n') +
                    end;
    const signature = createHmac('sha1', this.secret).update(to_sign).digest('base64');
    const headers = {
      Date: date,
      'X-Wz-Nonce': nonce,
      Authorization: `Visionular AccessKeyId=${this.key}, Signature=${signature}`,
    };
    if (text) Object.assign(headers, { 'Content-Md5': digest, 'Content-Type': type });
    return headers;
  }

  /// Sends one signed call; the raw answer.
  raw(method, name, { query = null, body = null, headers = null } = {}) {
    const target = `/api/${name}${query ? `?${new URLSearchParams(query)}` : ''}`;
    const text = body === null ? '' : JSON.stringify(body);
    return call(method, this.url + target, {
      body: text || null,
      headers: headers ?? this.headers(method, target, text),
    });
  }
  async json(method, name, options) {
    return (await this.raw(method, name, options)).json();
  }
  /// The `data` of a successful call.
  async data(method, name, options) {
    const answer = await this.json(method, name, options);
    if (answer.code !== 0) throw new Error(`${name}: ${JSON.stringify(answer)}`);
    return answer.data;
  }
  query(task_id) {
    return this.data('GET', 'query_task', { query: { task_id } });
  }
  async create(body) {
    return (await this.data('POST', 'create_task', { body })).task_id;
  }
  async add_storage(body) {
    return (await this.data('POST', 'add_storage', { body })).storage_id;
  }

  /// The newer generation: HTTP Basic.
  async basic(method, name, { query = null, body = null, secret = this.secret } = {}) {
    const token = Buffer.from(`${this.key}:${secret}`).toString('base64');
    return call(method, `${this.url}/vodencoding/v1/${name}?${new URLSearchParams(query ?? {})}`, {
      body,
      headers: { Authorization: `Basic ${token}`, 'auth-type': 'use-basic' },
    });
  }
}
