/**
 * The library as if it had been published: a registry for npm's clients, which has
 * the package, and one for Deno, as JSR is. Everything else is relayed from the
 * registry that the machine has, but not what came out after `deno.lock` was
 * written: what others publish mustn't change what is found out about the library.
 *
 * @module
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import denoJson from "../deno.json" with { type: "json" }
import packageJson from "../package.json" with { type: "json" }

/** The registry can't listen. */
export class RegistryError extends Data.TaggedError("RegistryError")<{ readonly cause: Error }> {}

const { name, version, exports, imports } = denoJson

/** Publishing to JSR writes the map of imports into the sources. */
const unfurled = (source: string): string =>
  Object.entries(imports).reduce(
    (text, [key, to]) =>
      to.startsWith("npm:") ? text.replaceAll(`"${key}/`, `"${to}/`).replaceAll(`"${key}"`, `"${to}"`) : text,
    source,
  )

/** What JSR answers to the paths below the package's name. */
const jsr = (root: string): ReadonlyMap<string, string> => {
  const sources = Fs.globSync("src/**/*.ts", { cwd: root }).map((path) => path.replaceAll("\\", "/"))
  const files = new Map(sources.map((path) => [`/${path}`, unfurled(Fs.readFileSync(Path.join(root, path), "utf8"))]))
  const manifest = Object.fromEntries([...files].map(([path, text]) => [path, {
    size: new TextEncoder().encode(text).length,
    checksum: `sha256-${Crypto.createHash("sha256").update(text).digest("hex")}`,
  }]))
  const [scope, package_] = name.slice(1).split("/")
  return new Map([
    ["/meta.json", JSON.stringify({ scope, name: package_, latest: version, versions: { [version]: {} } })],
    [`/${version}_meta.json`, JSON.stringify({ manifest, exports })],
    ...[...files].map(([path, text]) => [`/${version}${path}`, text] as const),
  ])
}

/** What npm's registry says of the package, whose tarball is at `url`. */
const packument = (manifest: typeof packageJson, tarball: Uint8Array, url: string): string => {
  const { name, version } = manifest
  const hash = (algorithm: string) => Crypto.createHash(algorithm).update(tarball)
  const dist = {
    tarball: url,
    shasum: hash("sha1").digest("hex"),
    integrity: `sha512-${hash("sha512").digest("base64")}`,
  }
  return JSON.stringify({ name, "dist-tags": { latest: version }, versions: { [version]: { ...manifest, dist } } })
}

/** The versions of other packages that `deno.lock` knows, whose keys are `NAME@VERSION`, and `_PEERS` maybe. */
const locked = (checkout: string): ReadonlyMap<string, ReadonlySet<string>> => {
  const { npm } = JSON.parse(Fs.readFileSync(Path.join(checkout, "deno.lock"), "utf8")) as { readonly npm: object }
  const versions = new Map<string, Set<string>>()
  for (const key of Object.keys(npm)) {
    const [, name, version] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? []
    if (name === undefined || version === undefined) continue
    versions.set(name, (versions.get(name) ?? new Set()).add(version))
  }
  return versions
}

/** A package as it was when these were its versions. */
const asOf = (versions: ReadonlySet<string>, packument: string): string => {
  const all = JSON.parse(packument)
  const kept = Object.fromEntries(Object.entries(all.versions).filter(([version]) => versions.has(version)))
  return JSON.stringify({ ...all, versions: kept, "dist-tags": { latest: Object.keys(kept).at(-1) } })
}

/** What is published: a checkout's sources, and the package that was made of it. */
export interface Published {
  readonly checkout: string
  /** The packed `package.json`. */
  readonly manifest: string
  readonly tarball: string
}

/** Serves it for npm's clients and for Deno at one address, until the scope closes. `upstream` has all other packages. */
export const serve = (
  { checkout, manifest, tarball }: Published,
  upstream: string,
): Effect.Effect<string, RegistryError, Scope.Scope> =>
  Effect.gen(function* () {
    const files = jsr(checkout)
    const bytes = Fs.readFileSync(tarball)
    const others = locked(checkout)
    const server = Http.createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? "/", "http://registry")
      const path = decodeURIComponent(pathname)
      const answer = (body: string | Uint8Array, type = "application/json") =>
        response.writeHead(200, { "content-type": type }).end(body)
      const base = `http://${request.headers.host}`
      if (path === `/${packageJson.name}`) {
        answer(packument(JSON.parse(manifest), bytes, `${base}/${Path.basename(tarball)}`))
      } else if (path === `/${Path.basename(tarball)}`) answer(bytes, "application/octet-stream")
      else if (path.startsWith(`/${name}/`)) {
        const body = files.get(path.slice(name.length + 1))
        if (body === undefined) response.writeHead(404).end()
        else answer(body, path.endsWith(".json") ? "application/json" : "text/typescript")
      } else {
        const { accept = "*/*" } = request.headers
        fetch(new URL(pathname.slice(1) + search, upstream), { headers: { accept } }).then(
          async (answered) => {
            const versions = others.get(path.slice(1))
            const body = new Uint8Array(await answered.arrayBuffer())
            const type = answered.headers.get("content-type") ?? "application/octet-stream"
            if (answered.ok && versions !== undefined) answer(asOf(versions, new TextDecoder().decode(body)), type)
            else response.writeHead(answered.status, { "content-type": type }).end(body)
          },
          (error) => response.writeHead(502).end(String(error)),
        )
      }
    })
    yield* Effect.acquireRelease(
      Effect.callback<void, RegistryError>((resume) => {
        server.once("error", (cause) => resume(Effect.fail(new RegistryError({ cause }))))
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        }),
    )
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
