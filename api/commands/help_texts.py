"""The paragraphs above the options in the help of each command."""

DESCRIPTION = """\
Sourcing for responsible public procurement in France: a buyer's need gets an explained shortlist of suppliers of the
social economy (insertion, handicap, travail pénitentiaire, économie sociale et solidaire).
"""
EPILOGUE = """\
Without DATABASE_URL, everything is kept in an embedded PostgreSQL under VIVIER_HOME; commands work beside a running
server. docs/settings.md lists all settings.
"""
SERVE = """\
Serve the API with what the database holds, until Ctrl-C. Starts the embedded PostgreSQL where there is no DATABASE_URL,
and brings the schema up to date. VIVIER_ADMIN_KEY, when set, is a key with every scope.
"""
DEMO = """\
From nothing to a first shortlist: loads a sample pool of generated suppliers, serves the API, sends it a sample need
(besoin), shows the shortlist, then a key and a request to try, and goes on serving until Ctrl-C.
"""
MATCH = """\
Match a need (besoin) against the suppliers in the database, and show for each lot the candidates and why, those that
nearly fit and what they lack, and what another reservation or radius would change. FILE is a body of POST /match, a
notice in XML (eForms, or a form of TED before them), or records of the BOAMP API in JSON; also compressed by gzip. What
of a notice was not read is told first; with --json on standard error.
"""
SUPPLY = """\
Show the supply (offre) of a territory: for each segment how many suppliers could answer there and how many stand there,
what a reservation would leave, how scarce they are; then who stands there, by legal form and kind.
"""
ALLOT = """\
Divide and join the lots of a need (besoin), and show the lots as they are given beside the proposals that suit the
suppliers in the database best, with the law on each. NEED.json is a body of POST /allotment.
"""
WORDS = """\
Explain how a title is read, without a database: what was set aside, the phrases found, and the segments it may mean,
each with the chance that it does and the words that say so. Those from a floor on are given to a match. Exits with 1
where none is.
"""
IMPORT = """\
Import a file of suppliers as the records of SOURCE, like POST /sources/{source}/imports. A bad row is rejected with its
line and reason and stops no other; what is accepted is stored wholly or not at all. The name of FILE tells how it is
written: .ndjson (or .jsonl), .json or .csv, each also as .gz.
"""
KEYS_CREATE = "Create an API key. It is shown this once, alone on the last line of the output; only its digest is kept."
AUDIT_VERIFY = """\
Verify the journals: numbers without gaps, every entry bound to the one before by its hash and signed, needs, messages,
shortlists, decisions, awards and meetings as they were when their entries were written. Exits with 1 where one is
broken, and says where. The anchor it prints, noted outside of Vivier and given back later as --anchor, proves that
nothing was cut off at the end and nothing rewritten; so do the signed heads that a server sends out by itself, given
back as --heads.
"""
AUDIT_KEY = "Print the public key by which the journal's signatures are verified: note it outside of Vivier."
PRIVACY_EXPORT = "Print all data held about a person: where they are, since when, and what an erasure would change."
PRIVACY_ERASE = """\
Erase a person: shows what it will change, asks, then does it and prints what was changed, and what is kept and why.
Later imports do not bring them back. A second run changes nothing.
"""
POOL_BUILD = """\
Build the suppliers of France, or of a part of it, from the bulk files of the State: files that `vivier pool update`
imports, with a report. Files are given as they are published (Parquet, CSV, zip or gzip of it, JSON), or fetched where
the operator allows it (VIVIER_POOL_FETCH=true); `vivier pool sources` tells where each is. Natural persons, what is
withheld and contacts are not read. Needs vivier[pool].
"""
POOL_FETCH = """\
Fetch published files by name into DIR, where the operator allows it (VIVIER_POOL_FETCH=true). A broken download goes on
where it stopped, what did not change is not fetched again, and a file is there only once its checksum is right.
"""
POOL_UPDATE = """\
Import the files that the last `vivier pool build` made in DIR (its pool.json names them), each as a snapshot of a
source that is called as its format: what changed is changed, what is there no more is removed. A file that did not
change since it was last imported is skipped. Stops at the first import that is refused.
"""
POOL_SOURCES = "List the files that a pool is built from: publisher, address, licence, rhythm, and how to credit them."
RETENTION_SHOW = """\
Show what is past its retention period and would be removed now: needs one by one, the rest by number.
"""
RETENTION_PURGE = """\
Remove what is past its retention period: shows it, asks, then removes exactly that, and writes it in the journals. The
periods are settings; journals are never removed.
"""

LAW_DUE = """\
List the rules of law that change within DAYS, and those whose day to be looked at again comes by then or has passed:
what changes, the article, how sure it is, and where to look. Reads VIVIER_LAW_FILE where it is set, and no database.
"""
