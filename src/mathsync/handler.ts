import { isTidemarkError } from '../errors.ts'
import { checkLevel, type Summarizer } from './summarizer.ts'

/** Serves a summarizer as mathsync did: GET …/LEVEL answers with the summary's JSON. */
export function summaryHandler(summarize: Summarizer): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url)
    const match = /\/(\d{1,9})$/.exec(pathname)
    if (match === null || (request.method !== 'GET' && request.method !== 'HEAD')) {
      return refusal(404, 'Nothing is served here: GET …/LEVEL')
    }
    const level = Number(match[1])
    try {
      checkLevel(level)
      const summary = await summarize(level)
      return new Response(JSON.stringify(summary), { headers: { 'content-type': 'application/json' } })
    } catch (error) {
      if (isTidemarkError(error, 'usage')) return refusal(400, error.message)
      throw error
    }
  }
}

function refusal(status: number, reason: string): Response {
  return new Response(`${reason}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })
}
