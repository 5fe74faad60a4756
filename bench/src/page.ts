import { readFileSync, writeFileSync } from 'node:fs'
import type { LayoutsResults } from './layouts.ts'
import { layoutsPage } from './layouts-page.ts'
import { peerPage } from './peer-page.ts'
import { profilePage } from './profile-page.ts'
import type { ProfileResults } from './profile.ts'
import { publishPage } from './publish-page.ts'
import type { PublishResults } from './publish.ts'
import { readResults, type PeerResults } from './results.ts'
import { scalePage } from './scale-page.ts'
import type { ScaleResults } from './scale.ts'
import { soakPage } from './soak-page.ts'
import type { SoakResults } from './soak.ts'
import { readTargets } from './targets.ts'

const PAGE = new URL('../../docs/benchmarks.md', import.meta.url)
const NOTES = new URL('../notes.md', import.meta.url)

/** Writes `docs/benchmarks.md` from the results that are there. */
export function writePage(): void {
  const targets = readTargets()
  const peers = readResults<PeerResults>('engines')
  const scale = readResults<ScaleResults>('scale')
  const soak = readResults<SoakResults>('soak')
  const publish = readResults<PublishResults>('publish')
  const layouts = readResults<LayoutsResults>('layouts')
  const profiles = readResults<ProfileResults>('profile')
  const sections = [
    readFileSync(NOTES, 'utf8').trimEnd(),
    peers === undefined ? '' : peerPage(peers, targets),
    scale === undefined ? '' : scalePage(scale, targets),
    soak === undefined ? '' : soakPage(soak, targets),
    publish === undefined ? '' : publishPage(publish, targets),
    layouts === undefined ? '' : layoutsPage(layouts),
    profiles === undefined ? '' : profilePage(profiles, targets),
  ]
  const text = sections.filter((section) => section !== '').join('\n\n')
  writeFileSync(PAGE, `${text.replaceAll(/^\|.*\|$/gm, (line) => line)}\n`)
}
