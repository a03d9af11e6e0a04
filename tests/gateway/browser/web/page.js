// Does what the test has planned for this page, with the SDK as it is, and tells how it went.

const post = (path, value) =>
  fetch(path, { method: 'POST', body: JSON.stringify(value), keepalive: true })

addEventListener('error', (event) => post('/log', String(event.message)))
addEventListener('unhandledrejection', (event) => post('/log', String(event.reason)))

const plan = await (await fetch('/plan')).json()

if (plan.clockIsFastBy) {
  const Right = Date
  globalThis.Date = class extends Right {
    constructor(...given) {
      super(...(given.length ? given : [Date.now()]))
    }

    static now() {
      return Right.now() + plan.clockIsFastBy
    }
  }
}

// What a visitor does to the elements that the SDK listens to.
const gestures = {
  trackClick: ['a', (link) => link.click()],
  trackLink: ['a', (link) => link.click()],
  trackSubmit: ['form', (form) => form.requestSubmit()],
  trackForm: ['form', (form) => form.requestSubmit()],
}

async function call(analytics, [method, ...given]) {
  // Some methods are only there when the SDK has loaded.
  const target = method in analytics ? analytics : (await analytics)[0]
  if (!(method in gestures)) return target[method](...given)
  const [selector, gesture] = gestures[method]
  const element = document.querySelector(selector).cloneNode()
  document.body.append(element)
  await target[method](element, ...given)
  gesture(element)
}

async function run() {
  const analytics = AnalyticsNext.AnalyticsBrowser.load(plan.settings, plan.options)
  if (plan.next) await analytics
  const calls = plan.calls.map((one) => call(analytics, one))
  if (plan.next === 'at once') return location.assign('/next')
  await analytics
  const contexts = await Promise.all(calls)
  if (plan.next) return location.assign('/next')
  return post('/done', {
    messageIds: contexts.flatMap((context) => context?.event?.messageId ?? []),
    errors: contexts.flatMap((context) =>
      (context?.logs?.() ?? [])
        .filter((line) => line.level === 'error')
        .map((line) => String(line.extras)),
    ),
  })
}

run().catch((error) => post('/done', { messageIds: [], errors: [String(error)] }))
