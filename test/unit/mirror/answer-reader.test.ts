import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { array, assert as check, nat, property, string } from 'fast-check'
import { AnswerReader } from '../../../src/mirror/transport/answer-reader.ts'

const longest = 1000

interface Answer {
  readonly status: number
  readonly content: string
}

/** All answers, of bytes that come in pieces cut at `cuts`; undefined when they were refused. */
function read(text: string, most: number, cuts: readonly number[] = []): Answer[] | undefined {
  const reader = new AnswerReader(longest)
  const bytes = Buffer.from(text, 'latin1')
  const answers: Answer[] = []
  const ends = [...new Set([...cuts.map((cut) => cut % bytes.length), bytes.length])].toSorted(
    (a, b) => a - b,
  )
  let at = 0
  for (const end of ends) {
    const found = reader.push(bytes.subarray(at, end), most - answers.length)
    if (found === undefined) return undefined
    for (const { status, content } of found)
      answers.push({ status, content: Buffer.from(content).toString('latin1') })
    at = end
  }
  return answers
}

const answer = (content: string, head = 'HTTP/1.1 200 OK'): string =>
  `${head}\r\nServer: x\r\nContent-Length: ${content.length}\r\n\r\n${content}`

suite('answers to several requests', () => {
  test('are the same however they are cut', () => {
    const contents = array(string({ unit: 'binary-ascii', maxLength: 40 }), {
      minLength: 1,
      maxLength: 8,
    })
    check(
      property(contents, array(nat()), (contents, cuts) => {
        const text = contents.map((content) => answer(content)).join('')
        assert.deepEqual(
          read(text, contents.length, cuts),
          contents.map((content) => ({ status: 200, content })),
        )
      }),
    )
  })

  test('tell of headers by their names in lower case, of the first where there are two', () => {
    const text =
      'HTTP/1.1 206 Partial Content\r\nETag:  "a"\t\r\ncontent-length: 2\r\nEtag: "b"\r\nEmpty:\r\n\r\nxy'
    const [found] = new AnswerReader(longest).push(Buffer.from(text), 1)!
    assert.deepEqual({ ...found!.headers }, { etag: '"a"', 'content-length': '2', empty: '' })
  })

  test('may have no content, whatever length they tell', () => {
    const text = `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204\r\n\r\n${answer('z')}`
    assert.deepEqual(read(text, 3), [
      { status: 304, content: '' },
      { status: 204, content: '' },
      { status: 200, content: 'z' },
    ])
  })

  for (const [what, text] of Object.entries({
    'are more than were asked for': answer('a') + answer('b') + answer('c'),
    'come in pieces of their own': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'tell no length': 'HTTP/1.1 200 OK\r\nServer: x\r\n\r\n',
    'tell two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'tell a length that is none': 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na',
    'are too long': answer('x'.repeat(longest + 1)),
    'have a head without an end': `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(20_000)}`,
    'have a head that is too long': `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(20_000)}\r\nContent-Length: 1\r\n\r\na`,
    'are of an older protocol': answer('a', 'HTTP/1.0 200 OK'),
    'are only on their way': `HTTP/1.1 100 Continue\r\n\r\n${answer('a')}`,
    'have a line that goes on': 'HTTP/1.1 200 OK\r\nX: 1\r\n  2\r\nContent-Length: 1\r\n\r\na',
    'have a blank before a colon': 'HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na',
    'are no answers at all': `${'\0'.repeat(100)}\r\n\r\n`,
  })) {
    test(`are refused where they ${what}`, () => assert.equal(read(text, 2), undefined))
  }
})
