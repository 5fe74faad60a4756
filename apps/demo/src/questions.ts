/** What the demo asks of the files that it wrote. */
export interface Question {
  readonly about: string
  readonly sql: string
}

export const QUESTIONS: readonly Question[] = [
  {
    about: 'the largest programs',
    sql: `SELECT name, count(*) AS processes,
       (sum(rss_bytes) / 1048576)::DECIMAL(9, 1) AS rss_mib,
       sum(cpu_seconds)::DECIMAL(9, 1) AS cpu_s
FROM processes GROUP BY name ORDER BY rss_mib DESC, name LIMIT 6`,
  },
  {
    about: 'who worked while the demo ran: the two tables joined',
    sql: `SELECT p.name, p.pid,
       (max(s.value) - min(s.value))::DECIMAL(9, 2) AS cpu_s,
       count(*) AS samples
FROM samples s JOIN processes p
  ON s.subject = p.pid || '@' || floor(epoch(p.started))::BIGINT
WHERE s.metric = 'process_cpu_seconds'
GROUP BY p.name, p.pid ORDER BY cpu_s DESC, p.pid LIMIT 6`,
  },
  {
    about: 'the most frequent measurements',
    sql: `SELECT metric, count(DISTINCT subject) AS subjects, count(*) AS rows,
       (max(epoch(taken_at)) - min(epoch(taken_at)))::DECIMAL(9, 1) AS seconds
FROM samples GROUP BY metric ORDER BY rows DESC, metric LIMIT 6`,
  },
]
