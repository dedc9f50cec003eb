-- The schema of migration 0041, which later ones extend. Constraints and indexes have the names of `db.schema`.

-- The directory: its version, sources and their records, the suppliers made of them, imports

CREATE TABLE directory_version (
    singleton boolean NOT NULL DEFAULT true,
    version bigint NOT NULL,
    notes uuid,
    CONSTRAINT directory_version_pk PRIMARY KEY (singleton),
    CONSTRAINT directory_version_one_row_ck CHECK (singleton)
);

CREATE TABLE change_sets (
    id bigint NOT NULL,
    version bigint NOT NULL,
    uid uuid NOT NULL DEFAULT gen_random_uuid(),
    CONSTRAINT change_sets_pk PRIMARY KEY (id),
    CONSTRAINT change_sets_version_uq UNIQUE (version)
);

CREATE SEQUENCE change_set_ids AS bigint;
INSERT INTO directory_version (version) VALUES (0);

CREATE TABLE sources (
    name text NOT NULL,
    label text,
    url text,
    mapping json NOT NULL,
    created_at timestamptz NOT NULL,
    rank integer NOT NULL DEFAULT 0,
    licence text,
    CONSTRAINT sources_pk PRIMARY KEY (name)
);

-- Documents and payloads of usual size stand in the row as they are (toast_tuple_target): of those beyond 2 kB, which a
-- quarter is, compressing each costs an import more than the space is worth.
CREATE TABLE suppliers (
    id uuid NOT NULL,
    document json,
    deleted boolean NOT NULL,
    active boolean NOT NULL,
    activities text[] NOT NULL,
    kinds text[] NOT NULL,
    commune text,
    lat double precision,
    lon double precision,
    name_folded text NOT NULL,
    updated_at timestamptz NOT NULL,
    change_set bigint NOT NULL,
    merged_into uuid,
    CONSTRAINT suppliers_pk PRIMARY KEY (id),
    CONSTRAINT suppliers_merged_is_deleted_ck CHECK (deleted OR merged_into IS NULL),
    CONSTRAINT suppliers_tombstone_is_empty_ck CHECK (deleted = (document IS NULL))
) WITH (toast_tuple_target = 8160);
CREATE INDEX suppliers_activities_ix ON suppliers USING gin (activities);
CREATE INDEX suppliers_change_set_id_ix ON suppliers (change_set, id);
CREATE INDEX suppliers_commune_ix ON suppliers (commune);
CREATE INDEX suppliers_lat_lon_ix ON suppliers (lat, lon);
CREATE INDEX suppliers_merged_into_ix ON suppliers (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE records (
    source text NOT NULL,
    external_id text NOT NULL,
    supplier_id uuid,
    payload json NOT NULL,
    content_hash bytea NOT NULL,
    commune text,
    lat double precision,
    lon double precision,
    flags json NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    siret text,
    in_prison boolean NOT NULL DEFAULT false,
    name text,
    name_key text,
    trade_name text,
    trade_key text,
    doubts text[] NOT NULL DEFAULT '{}',
    approved_until date,
    joins text,
    vertices integer NOT NULL DEFAULT 0,
    former_id uuid,
    CONSTRAINT records_pk PRIMARY KEY (source, external_id),
    CONSTRAINT records_source_fk FOREIGN KEY (source) REFERENCES sources (name),
    CONSTRAINT records_supplier_id_fk FOREIGN KEY (supplier_id) REFERENCES suppliers (id),
    CONSTRAINT records_joins_or_makes_ck CHECK ((joins IS NULL) = (supplier_id IS NOT NULL))
) WITH (toast_tuple_target = 8160);
CREATE INDEX records_joins_ix ON records (joins) WHERE joins IS NOT NULL;
CREATE INDEX records_siret_ix ON records (siret) WHERE siret IS NOT NULL;
CREATE INDEX records_source_vertices_ix ON records (source) INCLUDE (vertices) WHERE vertices > 0;
CREATE INDEX records_supplier_id_ix ON records (supplier_id);
CREATE INDEX records_trade_key_lat_ix ON records (trade_key, lat) WHERE trade_key IS NOT NULL;
CREATE INDEX records_with_siret_ix ON records (name_key, lat) WHERE siret IS NOT NULL AND name_key IS NOT NULL;
CREATE INDEX records_without_siret_ix ON records (name_key, lat) WHERE siret IS NULL AND name_key IS NOT NULL;

CREATE TABLE merged_records (
    decision_id uuid NOT NULL,
    source text NOT NULL,
    external_id text NOT NULL,
    CONSTRAINT merged_records_pk PRIMARY KEY (decision_id, source, external_id)
);
CREATE INDEX merged_records_source_external_id_ix ON merged_records (source, external_id);

CREATE TABLE split_records (
    source text NOT NULL,
    external_id text NOT NULL,
    other_source text NOT NULL,
    other_external_id text NOT NULL,
    CONSTRAINT split_records_pk PRIMARY KEY (source, external_id, other_source, other_external_id)
);

CREATE TABLE imports (
    id uuid NOT NULL,
    source text NOT NULL,
    format text NOT NULL,
    mode text NOT NULL,
    status text NOT NULL,
    received integer NOT NULL DEFAULT 0,
    added integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    removed integer NOT NULL DEFAULT 0,
    kept_absent integer NOT NULL DEFAULT 0,
    rejected integer NOT NULL DEFAULT 0,
    data_version bigint,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    failure text,
    waiting integer NOT NULL DEFAULT 0,
    CONSTRAINT imports_pk PRIMARY KEY (id),
    CONSTRAINT imports_source_fk FOREIGN KEY (source) REFERENCES sources (name)
);
CREATE INDEX imports_source_id_ix ON imports (source, id);

CREATE TABLE import_errors (
    import_id uuid NOT NULL,
    position integer NOT NULL,
    line integer NOT NULL,
    external_id text,
    pointer text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT import_errors_pk PRIMARY KEY (import_id, position),
    CONSTRAINT import_errors_import_id_fk FOREIGN KEY (import_id) REFERENCES imports (id) ON DELETE CASCADE
);

-- Suppliers of known trade, counted once a day
CREATE TABLE trade_counts (
    commune text NOT NULL,
    kind text NOT NULL,
    counted_on date NOT NULL,
    suppliers integer NOT NULL,
    with_trade integer NOT NULL,
    CONSTRAINT trade_counts_pk PRIMARY KEY (commune, kind, counted_on)
);

-- Networks and facilitators, whom a buyer may call
CREATE TABLE networks (
    position integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    territories text[] NOT NULL,
    reserved text[] NOT NULL,
    email text,
    phone text,
    url text,
    CONSTRAINT networks_pk PRIMARY KEY (position)
);

-- Organisations, their keys, kept answers

CREATE TABLE organisations (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    siret text,
    notes uuid,
    CONSTRAINT organisations_pk PRIMARY KEY (id),
    CONSTRAINT organisations_name_uq UNIQUE (name),
    CONSTRAINT organisations_siret_uq UNIQUE (siret)
);

CREATE TABLE api_keys (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    digest bytea NOT NULL,
    scopes text[] NOT NULL,
    sources text[] NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    platform boolean NOT NULL DEFAULT false,
    expires_at timestamptz,
    rate_per_minute integer,
    quota_of uuid,
    CONSTRAINT api_keys_pk PRIMARY KEY (id),
    CONSTRAINT api_keys_digest_uq UNIQUE (digest),
    CONSTRAINT api_keys_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id),
    CONSTRAINT api_keys_quota_of_fk FOREIGN KEY (quota_of) REFERENCES api_keys (id)
);

CREATE UNLOGGED TABLE key_minutes (
    key_id uuid NOT NULL,
    minute timestamptz NOT NULL,
    taken integer NOT NULL,
    CONSTRAINT key_minutes_pk PRIMARY KEY (key_id)
);

CREATE TABLE idempotency_keys (
    organisation_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint,
    headers json,
    body bytea,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pk PRIMARY KEY (organisation_id, route, key),
    CONSTRAINT idempotency_keys_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX idempotency_keys_created_at_ix ON idempotency_keys (created_at);

-- Persons, who was erased, and who signs in to the desk

CREATE TABLE persons (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    name text NOT NULL,
    email text,
    phone text,
    employer text,
    name_key text NOT NULL,
    email_key text NOT NULL,
    employer_key text NOT NULL,
    created_at timestamptz NOT NULL,
    erased_at timestamptz,
    salt uuid DEFAULT gen_random_uuid(),
    CONSTRAINT persons_pk PRIMARY KEY (id),
    CONSTRAINT persons_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id),
    CONSTRAINT persons_erased_is_empty_ck CHECK (
        erased_at IS NULL
        OR (
            email IS NULL AND phone IS NULL AND employer IS NULL
            AND name_key = '' AND email_key = '' AND employer_key = ''
        )
    )
);
CREATE INDEX persons_email_key_ix ON persons (email_key) WHERE email_key <> '';
CREATE INDEX persons_name_key_ix ON persons (name_key) WHERE name_key <> '';
CREATE UNIQUE INDEX persons_known_ix ON persons (organisation_id, name_key, email_key, employer_key)
    WHERE erased_at IS NULL;

CREATE TABLE suppressions (
    digest bytea NOT NULL,
    source text NOT NULL,
    external_id text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT suppressions_pk PRIMARY KEY (digest, source, external_id)
);

CREATE TABLE suppression_key (
    singleton boolean NOT NULL DEFAULT true,
    key bytea NOT NULL,
    CONSTRAINT suppression_key_pk PRIMARY KEY (singleton),
    CONSTRAINT suppression_key_one_row_ck CHECK (singleton)
);

-- 244 random bits
INSERT INTO suppression_key (key) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

CREATE TABLE desk_accounts (
    issuer text NOT NULL,
    subject text NOT NULL,
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    scopes text[],
    CONSTRAINT desk_accounts_pk PRIMARY KEY (issuer, subject, organisation_id),
    CONSTRAINT desk_accounts_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id),
    CONSTRAINT desk_accounts_person_id_fk FOREIGN KEY (person_id) REFERENCES persons (id) ON DELETE CASCADE
);
CREATE INDEX desk_accounts_person_id_ix ON desk_accounts (person_id);

CREATE TABLE desk_sessions (
    digest bytea NOT NULL,
    key_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    person_id uuid,
    scopes text[] NOT NULL DEFAULT '{}',
    id_token text,
    ground text,
    CONSTRAINT desk_sessions_pk PRIMARY KEY (digest),
    CONSTRAINT desk_sessions_person_id_fk FOREIGN KEY (person_id) REFERENCES persons (id) ON DELETE CASCADE,
    CONSTRAINT desk_sessions_of_a_key_or_a_person_ck CHECK ((key_id IS NULL) <> (person_id IS NULL))
);
CREATE INDEX desk_sessions_expires_at_ix ON desk_sessions (expires_at);
CREATE INDEX desk_sessions_person_id_ix ON desk_sessions (person_id) WHERE person_id IS NOT NULL;

-- Needs, their shortlists and awards

-- Needs in brief, for the sums over a year: without places and territories, which may be megabytes. What reads JSON is
-- not declared immutable, since it may read dates; there are none here.
CREATE FUNCTION need_in_brief(content json) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN octet_length(brief::text) <= 131072 THEN brief END
    FROM json_to_record(content)
        AS it (reference text, title text, contract text, estimated_total_eur json, lots json),
    LATERAL (SELECT json_strip_nulls(json_build_object(
        'reference', it.reference,
        'title', it.title,
        'contract', it.contract,
        'estimated_total_eur', it.estimated_total_eur,
        'lots', (
            SELECT json_agg(json_build_object(
                'id', id, 'title', title, 'segments', segments, 'cpv', cpv, 'keywords', keywords,
                'nature', nature, 'value_eur', value_eur, 'duration_months', duration_months,
                'renewal_months', renewal_months, 'value_covers', nullif(value_covers, 'firm'),
                'options_eur', options_eur
            ))
            FROM json_to_recordset(it.lots)
                AS lot (
                    id text, title text, segments json, cpv json, keywords json, nature text, value_eur json,
                    duration_months json, renewal_months json, value_covers text, options_eur json
                )
        )
    )) AS brief OFFSET 0) AS made  -- else it is made twice
$$;

CREATE TABLE needs (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    status text NOT NULL,
    version integer NOT NULL,
    content json NOT NULL,
    shortlists integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    published_at timestamptz,
    ended_at timestamptz,
    year integer NOT NULL DEFAULT extract(year FROM now() AT TIME ZONE 'Europe/Paris')::integer,
    buyer_siret text,
    brief json GENERATED ALWAYS AS (need_in_brief(content)) STORED,
    CONSTRAINT needs_pk PRIMARY KEY (id),
    CONSTRAINT needs_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX needs_organisation_id_id_ix ON needs (organisation_id, id);
CREATE INDEX needs_organisation_id_year_ix ON needs (organisation_id, year);

-- The database derives the year and the buyer of a need from its content, whoever writes it.
CREATE FUNCTION year_of_need(content json, created_at timestamptz) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
    left(content ->> 'planned_publication_on', 4)::integer,
    extract(year FROM created_at AT TIME ZONE 'Europe/Paris')::integer
);

CREATE FUNCTION file_need() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.year := year_of_need(NEW.content, NEW.created_at);
    NEW.buyer_siret := NEW.content #>> '{buyer,siret}';
    RETURN NEW;
END
$$;

CREATE TRIGGER needs_filed BEFORE INSERT OR UPDATE OF content, created_at, year, buyer_siret
ON needs FOR EACH ROW EXECUTE FUNCTION file_need();

CREATE TABLE shortlists (
    need_id uuid NOT NULL,
    number integer NOT NULL,
    need_version integer NOT NULL,
    need json NOT NULL,
    language text NOT NULL,
    stamp json NOT NULL,
    totals json NOT NULL,
    ledger json NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT shortlists_pk PRIMARY KEY (need_id, number),
    CONSTRAINT shortlists_need_id_fk FOREIGN KEY (need_id) REFERENCES needs (id) ON DELETE CASCADE,
    CONSTRAINT shortlists_counted_from_one_ck CHECK (number > 0)
);

CREATE TABLE shortlist_decisions (
    need_id uuid NOT NULL,
    number integer NOT NULL,
    lot_id text NOT NULL,
    supplier_id uuid NOT NULL,
    decision text NOT NULL,
    reason text,
    decided_at timestamptz NOT NULL,
    CONSTRAINT shortlist_decisions_pk PRIMARY KEY (need_id, number, lot_id, supplier_id),
    CONSTRAINT shortlist_decisions_need_id_number_fk
        FOREIGN KEY (need_id, number) REFERENCES shortlists (need_id, number) ON DELETE CASCADE
);

CREATE TABLE awards (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    need_id uuid NOT NULL,
    lot_id text NOT NULL,
    supplier_id uuid NOT NULL,
    supplier_name text NOT NULL,
    supplier_siret text,
    segments text[] NOT NULL,
    awarded_on date NOT NULL,
    value_eur double precision,
    reserved text[] NOT NULL,
    duration_months integer,
    direct boolean NOT NULL,
    created_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    CONSTRAINT awards_pk PRIMARY KEY (id),
    CONSTRAINT awards_need_id_fk FOREIGN KEY (need_id) REFERENCES needs (id),
    CONSTRAINT awards_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX awards_need_id_ix ON awards (need_id);
CREATE INDEX awards_organisation_id_awarded_on_ix ON awards (organisation_id, awarded_on);

-- The files of law that frozen shortlists were judged by, by their version
CREATE TABLE law_files (
    version text NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT pk_law_files PRIMARY KEY (version)
);

-- The journal

CREATE TABLE audit_entries (
    organisation_id uuid NOT NULL,
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    means text NOT NULL,
    actor_id uuid,
    action text NOT NULL,
    object text NOT NULL,
    version integer,
    detail json NOT NULL,
    hash bytea NOT NULL,
    content text[] NOT NULL DEFAULT '{}',
    signature bytea,
    CONSTRAINT audit_entries_pk PRIMARY KEY (organisation_id, number),
    CONSTRAINT audit_entries_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX audit_entries_organisation_id_object_number_ix ON audit_entries (organisation_id, object, number);

CREATE FUNCTION refuse_to_alter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter();

CREATE TABLE audit_heads (
    id uuid NOT NULL,
    lane uuid,
    status text NOT NULL DEFAULT 'waiting',
    queued_at timestamptz NOT NULL,
    due_at timestamptz,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    line text NOT NULL,
    CONSTRAINT audit_heads_pk PRIMARY KEY (id),
    CONSTRAINT audit_heads_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL))
);
CREATE INDEX audit_heads_due_at_ix ON audit_heads (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX audit_heads_lane_due_at_ix ON audit_heads (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX audit_heads_queued_at_ix ON audit_heads (queued_at);

-- Organisations of which earlier versions had their journal adopt rights that it did not bind
CREATE TABLE audit_adoptions (
    organisation_id uuid NOT NULL,
    CONSTRAINT audit_adoptions_pk PRIMARY KEY (organisation_id),
    CONSTRAINT audit_adoptions_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);

-- Exchanges

CREATE TABLE exchanges (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    need_id uuid NOT NULL,
    subject text NOT NULL,
    lot_ids text[] NOT NULL,
    channel text NOT NULL,
    opened_at timestamptz NOT NULL,
    reply_by date,
    contact json,
    CONSTRAINT exchanges_pk PRIMARY KEY (id),
    CONSTRAINT exchanges_need_id_fk FOREIGN KEY (need_id) REFERENCES needs (id),
    CONSTRAINT exchanges_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX exchanges_need_id_ix ON exchanges (need_id);
CREATE INDEX exchanges_organisation_id_need_id_id_ix ON exchanges (organisation_id, need_id, id);

CREATE TABLE exchange_recipients (
    exchange_id uuid NOT NULL,
    supplier_id uuid NOT NULL,
    supplier_name text NOT NULL,
    siret text,
    email text,
    why text NOT NULL,
    joined uuid[] NOT NULL DEFAULT '{}',
    salt uuid DEFAULT gen_random_uuid(),
    CONSTRAINT exchange_recipients_pk PRIMARY KEY (exchange_id, supplier_id),
    CONSTRAINT exchange_recipients_exchange_id_fk FOREIGN KEY (exchange_id) REFERENCES exchanges (id)
);
CREATE INDEX exchange_recipients_supplier_id_ix ON exchange_recipients (supplier_id);

CREATE TABLE messages (
    id uuid NOT NULL,
    exchange_id uuid NOT NULL,
    author text NOT NULL,
    supplier_id uuid,
    body text NOT NULL,
    stance text,
    barriers text[] NOT NULL,
    barriers_note text,
    confidential boolean NOT NULL,
    corrects uuid,
    publishes uuid,
    question text,
    channel text NOT NULL,
    created_at timestamptz NOT NULL,
    answers uuid[],
    CONSTRAINT messages_pk PRIMARY KEY (id),
    CONSTRAINT messages_exchange_id_id_uq UNIQUE (exchange_id, id),
    CONSTRAINT messages_publishes_uq UNIQUE (publishes),
    CONSTRAINT messages_exchange_id_corrects_fk
        FOREIGN KEY (exchange_id, corrects) REFERENCES messages (exchange_id, id),
    CONSTRAINT messages_exchange_id_fk FOREIGN KEY (exchange_id) REFERENCES exchanges (id),
    CONSTRAINT messages_exchange_id_publishes_fk
        FOREIGN KEY (exchange_id, publishes) REFERENCES messages (exchange_id, id),
    CONSTRAINT messages_exchange_id_supplier_id_fk
        FOREIGN KEY (exchange_id, supplier_id) REFERENCES exchange_recipients (exchange_id, supplier_id),
    CONSTRAINT messages_answer_is_the_buyers_ck CHECK (
        answers IS NULL OR (author = 'buyer' AND corrects IS NULL AND publishes IS NULL)
    ),
    CONSTRAINT messages_buyer_takes_no_stance_ck CHECK (
        author = 'supplier' OR (stance IS NULL AND barriers = '{}')
    ),
    CONSTRAINT messages_known_author_ck CHECK (author IN ('buyer', 'supplier')),
    CONSTRAINT messages_publication_is_for_all_ck CHECK (
        publishes IS NULL OR (author = 'buyer' AND supplier_id IS NULL AND NOT confidential)
    ),
    CONSTRAINT messages_published_question_has_words_ck CHECK ((publishes IS NULL) = (question IS NULL)),
    CONSTRAINT messages_supplier_is_named_ck CHECK (author = 'buyer' OR supplier_id IS NOT NULL)
);
CREATE INDEX messages_exchange_id_corrects_ix ON messages (exchange_id, corrects) WHERE corrects IS NOT NULL;

CREATE TABLE reply_links (
    digest bytea NOT NULL,
    exchange_id uuid NOT NULL,
    supplier_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT reply_links_pk PRIMARY KEY (digest),
    CONSTRAINT reply_links_exchange_id_supplier_id_fk
        FOREIGN KEY (exchange_id, supplier_id)
        REFERENCES exchange_recipients (exchange_id, supplier_id) ON DELETE CASCADE
);
CREATE INDEX reply_links_exchange_id_supplier_id_ix ON reply_links (exchange_id, supplier_id);

CREATE TABLE message_mails (
    id uuid NOT NULL,
    lane uuid,
    status text NOT NULL DEFAULT 'waiting',
    queued_at timestamptz NOT NULL,
    due_at timestamptz,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    exchange_id uuid NOT NULL,
    message_id uuid NOT NULL,
    supplier_id uuid NOT NULL,
    address text NOT NULL,
    language text NOT NULL,
    failure text,
    failure_code smallint,
    ended_at timestamptz,
    CONSTRAINT message_mails_pk PRIMARY KEY (id),
    CONSTRAINT message_mails_message_id_supplier_id_uq UNIQUE (message_id, supplier_id),
    CONSTRAINT message_mails_exchange_id_message_id_fk
        FOREIGN KEY (exchange_id, message_id) REFERENCES messages (exchange_id, id) ON DELETE CASCADE,
    CONSTRAINT message_mails_exchange_id_supplier_id_fk
        FOREIGN KEY (exchange_id, supplier_id)
        REFERENCES exchange_recipients (exchange_id, supplier_id) ON DELETE CASCADE,
    CONSTRAINT message_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL))
);
CREATE INDEX message_mails_due_at_ix ON message_mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_mails_exchange_id_supplier_id_ix ON message_mails (exchange_id, supplier_id);
CREATE INDEX message_mails_lane_due_at_ix ON message_mails (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_mails_queued_at_ix ON message_mails (queued_at);

-- How and on which day the buyer brought a message to a recipient that gets no e-mail
CREATE TABLE message_handovers (
    exchange_id uuid NOT NULL,
    message_id uuid NOT NULL,
    supplier_id uuid NOT NULL,
    way text NOT NULL,
    handed_on date,
    confirmed_at timestamptz,
    CONSTRAINT message_handovers_pk PRIMARY KEY (message_id, supplier_id),
    CONSTRAINT message_handovers_exchange_id_message_id_fk
        FOREIGN KEY (exchange_id, message_id) REFERENCES messages (exchange_id, id) ON DELETE CASCADE,
    CONSTRAINT message_handovers_exchange_id_supplier_id_fk
        FOREIGN KEY (exchange_id, supplier_id)
        REFERENCES exchange_recipients (exchange_id, supplier_id) ON DELETE CASCADE,
    CONSTRAINT message_handovers_day_is_confirmed_ck CHECK ((handed_on IS NULL) = (confirmed_at IS NULL))
);
CREATE INDEX message_handovers_exchange_id_supplier_id_ix ON message_handovers (exchange_id, supplier_id);

-- What was said stays, and to whom. It goes only where the need has ended and `purge_need` says which one: the flag
-- counts for the owner of the tables alone.
CREATE FUNCTION refuse_to_delete_unless_purging() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    purged uuid;
BEGIN
    IF TG_TABLE_NAME = 'exchanges' THEN
        purged := OLD.need_id;
    ELSE
        SELECT need_id INTO purged FROM exchanges WHERE id = OLD.exchange_id;
    END IF;
    IF purged::text = current_setting('vivier.purging', true)
        AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
        AND EXISTS (SELECT FROM needs WHERE id = purged AND ended_at IS NOT NULL)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- whom suppliers may ask is a person, who may be erased
CREATE TRIGGER append_only
BEFORE UPDATE OF id, organisation_id, need_id, subject, lot_ids, channel, opened_at, reply_by OR TRUNCATE ON exchanges
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter();
CREATE TRIGGER kept_until_purged BEFORE DELETE ON exchanges
FOR EACH ROW EXECUTE FUNCTION refuse_to_delete_unless_purging();
CREATE TRIGGER append_only
BEFORE UPDATE OF exchange_id, supplier_id, supplier_name, siret, why OR TRUNCATE ON exchange_recipients
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter();
CREATE TRIGGER kept_until_purged BEFORE DELETE ON exchange_recipients
FOR EACH ROW EXECUTE FUNCTION refuse_to_delete_unless_purging();
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON messages
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter();
CREATE TRIGGER kept_until_purged BEFORE DELETE ON messages
FOR EACH ROW EXECUTE FUNCTION refuse_to_delete_unless_purging();

-- Deletes a need that has ended and writes the journal's entry about it, with the hash of the domain's `chained`: ids
-- and counts, so that its JSON needs no care. The caller holds the lock on the journal, has removed the meetings, and
-- knows the hash beforehand, which it may have signed.
CREATE FUNCTION purge_need(purged uuid, purged_at timestamptz, meetings bigint, by text, signed bytea)
RETURNS bytea LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    need needs%ROWTYPE;
    counts json;
    last_number bigint;
    last_hash bytea;
    digest bytea;
BEGIN
    SELECT * INTO need FROM needs WHERE id = purged AND ended_at <= purged_at FOR UPDATE;
    IF NOT FOUND OR by NOT IN ('command', 'server') THEN
        RAISE EXCEPTION 'need % cannot be purged by %', purged, by USING ERRCODE = 'restrict_violation';
    END IF;
    counts := format(
        '{"awards":%s,"exchanges":%s,"meetings":%s,"shortlists":%s}',
        (SELECT count(*) FROM awards WHERE need_id = purged),
        (SELECT count(*) FROM exchanges WHERE need_id = purged),
        meetings,
        need.shortlists
    );
    SELECT number, hash INTO last_number, last_hash FROM audit_entries
    WHERE organisation_id = need.organisation_id ORDER BY number DESC LIMIT 1;
    last_number := coalesce(last_number, 0);
    digest := sha256(coalesce(last_hash, decode(repeat('00', 32), 'hex')) || convert_to(format(
        '["%s",%s,%s,"%s",null,"need.purged","need:%s",null,%s]',
        replace(need.organisation_id::text, '-', ''), last_number + 1,
        (extract(epoch FROM purged_at) * 1000000)::bigint, by, purged, counts
    ), 'UTF8'));
    PERFORM set_config('vivier.purging', purged::text, true);
    DELETE FROM messages WHERE exchange_id IN (SELECT id FROM exchanges WHERE need_id = purged);
    DELETE FROM exchange_recipients WHERE exchange_id IN (SELECT id FROM exchanges WHERE need_id = purged);
    DELETE FROM exchanges WHERE need_id = purged;
    PERFORM set_config('vivier.purging', '', true);
    DELETE FROM awards WHERE need_id = purged;
    DELETE FROM needs WHERE id = purged;
    INSERT INTO audit_entries
        (organisation_id, number, at, means, action, object, detail, hash, signature)
    VALUES (need.organisation_id, last_number + 1, purged_at, by, 'need.purged', 'need:' || purged,
        counts, digest, signed);
    RETURN digest;
END $$;
-- or whoever calls it could put temporary tables in the place of these
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION purge_need SET search_path = %I, pg_temp', current_schema());
END $$;

-- Meetings

CREATE TABLE meetings (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    version integer NOT NULL,
    sequence integer NOT NULL,
    status text NOT NULL,
    format text NOT NULL,
    title text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    place json,
    url text,
    agenda json NOT NULL,
    minutes text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    territory json,
    segments text[] NOT NULL DEFAULT '{}',
    CONSTRAINT meetings_pk PRIMARY KEY (id),
    CONSTRAINT meetings_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX meetings_organisation_id_starts_at_id_ix ON meetings (organisation_id, starts_at, id);

CREATE TABLE meeting_needs (
    meeting_id uuid NOT NULL,
    need_id uuid NOT NULL,
    position integer NOT NULL,
    CONSTRAINT meeting_needs_pk PRIMARY KEY (meeting_id, need_id),
    CONSTRAINT meeting_needs_meeting_id_fk FOREIGN KEY (meeting_id) REFERENCES meetings (id) ON DELETE CASCADE,
    CONSTRAINT meeting_needs_need_id_fk FOREIGN KEY (need_id) REFERENCES needs (id) ON DELETE CASCADE
);
CREATE INDEX meeting_needs_need_id_ix ON meeting_needs (need_id);

CREATE TABLE meeting_participants (
    meeting_id uuid NOT NULL,
    position integer NOT NULL,
    role text NOT NULL,
    supplier_id uuid,
    person_id uuid,
    organisation text,
    invited_at timestamptz,
    attended boolean,
    CONSTRAINT meeting_participants_pk PRIMARY KEY (meeting_id, position),
    CONSTRAINT meeting_participants_meeting_id_fk FOREIGN KEY (meeting_id) REFERENCES meetings (id) ON DELETE CASCADE,
    CONSTRAINT meeting_participants_person_id_fk FOREIGN KEY (person_id) REFERENCES persons (id)
);
CREATE INDEX meeting_participants_person_id_ix ON meeting_participants (person_id);

CREATE TABLE meeting_follow_ups (
    meeting_id uuid NOT NULL,
    position integer NOT NULL,
    what text NOT NULL,
    person_id uuid,
    due_on date,
    done boolean NOT NULL DEFAULT false,
    CONSTRAINT meeting_follow_ups_pk PRIMARY KEY (meeting_id, position),
    CONSTRAINT meeting_follow_ups_meeting_id_fk FOREIGN KEY (meeting_id) REFERENCES meetings (id) ON DELETE CASCADE,
    CONSTRAINT meeting_follow_ups_person_id_fk FOREIGN KEY (person_id) REFERENCES persons (id)
);
CREATE INDEX meeting_follow_ups_person_id_ix ON meeting_follow_ups (person_id);

CREATE TABLE calendar_feeds (
    key_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT calendar_feeds_pk PRIMARY KEY (key_id),
    CONSTRAINT calendar_feeds_digest_uq UNIQUE (digest),
    CONSTRAINT calendar_feeds_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);

-- Webhooks

CREATE TABLE webhooks (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    sources text[],
    active boolean NOT NULL,
    secret text NOT NULL,
    acknowledged_version bigint NOT NULL,
    queued_version bigint NOT NULL,
    failing_since timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT webhooks_pk PRIMARY KEY (id),
    CONSTRAINT webhooks_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX webhooks_organisation_id_id_ix ON webhooks (organisation_id, id);

CREATE TABLE webhook_deliveries (
    id uuid NOT NULL,
    lane uuid,
    status text NOT NULL DEFAULT 'waiting',
    queued_at timestamptz NOT NULL,
    due_at timestamptz,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    event text NOT NULL,
    version bigint,
    body bytea NOT NULL,
    CONSTRAINT webhook_deliveries_pk PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_lane_fk FOREIGN KEY (lane) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL))
);
CREATE INDEX webhook_deliveries_due_at_ix ON webhook_deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lane_due_at_ix ON webhook_deliveries (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lane_id_ix ON webhook_deliveries (lane, id);

CREATE TABLE webhook_attempts (
    id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    http_status integer,
    failure text,
    CONSTRAINT webhook_attempts_pk PRIMARY KEY (id),
    CONSTRAINT webhook_attempts_delivery_id_fk
        FOREIGN KEY (delivery_id) REFERENCES webhook_deliveries (id) ON DELETE CASCADE
);
CREATE INDEX webhook_attempts_delivery_id_ix ON webhook_attempts (delivery_id);

-- Campaigns: one question to all suppliers of a territory, their recipients, their e-mails

CREATE TABLE campaigns (
    id uuid CONSTRAINT campaigns_pk PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT campaigns_organisation_id_fk REFERENCES organisations (id),
    version integer NOT NULL,
    content json NOT NULL,
    left_out json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    started_at timestamptz,
    sent_at timestamptz,
    posted_at timestamptz,
    reminded_at timestamptz
);
CREATE INDEX campaigns_organisation_id_id_ix ON campaigns (organisation_id, id);

CREATE TABLE campaign_recipients (
    campaign_id uuid NOT NULL
        CONSTRAINT campaign_recipients_campaign_id_fk REFERENCES campaigns (id) ON DELETE CASCADE,
    supplier_id uuid NOT NULL,
    supplier_name text NOT NULL,
    siret text,
    kinds text[] NOT NULL,
    commune text,
    way text NOT NULL,
    email text,
    address text[] NOT NULL,
    joined uuid[] NOT NULL,
    linked_at timestamptz,
    posted_at timestamptz,
    opened_at timestamptz,
    declared_at timestamptz,
    declined_at timestamptz,
    salt uuid DEFAULT gen_random_uuid(),
    CONSTRAINT campaign_recipients_pk PRIMARY KEY (campaign_id, supplier_id),
    CONSTRAINT campaign_recipients_known_way_ck CHECK (way IN ('email', 'letter', 'none'))
);
CREATE INDEX campaign_recipients_supplier_id_ix ON campaign_recipients (supplier_id);

CREATE TABLE campaign_mails (
    id uuid CONSTRAINT campaign_mails_pk PRIMARY KEY,
    lane uuid,
    status text NOT NULL DEFAULT 'waiting',
    queued_at timestamptz NOT NULL,
    due_at timestamptz,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    campaign_id uuid NOT NULL,
    supplier_id uuid NOT NULL,
    purpose text NOT NULL,
    address text NOT NULL,
    language text NOT NULL,
    failure text,
    failure_code smallint,
    ended_at timestamptz,
    CONSTRAINT campaign_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL)),
    CONSTRAINT campaign_mails_campaign_id_supplier_id_purpose_uq UNIQUE (campaign_id, supplier_id, purpose),
    CONSTRAINT campaign_mails_campaign_id_supplier_id_fk FOREIGN KEY (campaign_id, supplier_id)
        REFERENCES campaign_recipients (campaign_id, supplier_id) ON DELETE CASCADE
);
CREATE INDEX campaign_mails_due_at_ix ON campaign_mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX campaign_mails_lane_due_at_ix ON campaign_mails (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX campaign_mails_queued_at_ix ON campaign_mails (queued_at);

CREATE TABLE unsolicited_suppliers (
    organisation_id uuid NOT NULL
        CONSTRAINT unsolicited_suppliers_organisation_id_fk REFERENCES organisations (id),
    supplier_id uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    CONSTRAINT unsolicited_suppliers_pk PRIMARY KEY (organisation_id, supplier_id)
);
CREATE INDEX unsolicited_suppliers_supplier_id_ix ON unsolicited_suppliers (supplier_id);

-- Declarations: suppliers speak of themselves, by links that open their own pages

CREATE TABLE declaration_links (
    id uuid CONSTRAINT declaration_links_pk PRIMARY KEY,
    organisation_id uuid NOT NULL,
    supplier_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    opened_at timestamptz,
    sent_on date,
    sends integer NOT NULL DEFAULT 0,
    campaign_id uuid,
    CONSTRAINT declaration_links_campaign_id_fk
        FOREIGN KEY (campaign_id) REFERENCES campaigns (id) ON DELETE SET NULL,
    CONSTRAINT declaration_links_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX declaration_links_supplier_id_organisation_id_id_ix
    ON declaration_links (supplier_id, organisation_id, id);
CREATE INDEX declaration_links_organisation_id_id_ix ON declaration_links (organisation_id, id);
CREATE INDEX declaration_links_campaign_id_ix ON declaration_links (campaign_id, created_at)
    WHERE campaign_id IS NOT NULL;

CREATE TABLE declaration_secrets (
    digest bytea CONSTRAINT declaration_secrets_pk PRIMARY KEY,
    link_id uuid NOT NULL,
    CONSTRAINT declaration_secrets_link_id_fk FOREIGN KEY (link_id)
        REFERENCES declaration_links (id) ON DELETE CASCADE
);
CREATE INDEX declaration_secrets_link_id_ix ON declaration_secrets (link_id);

CREATE TABLE declarations (
    supplier_id uuid CONSTRAINT declarations_pk PRIMARY KEY,
    organisation_id uuid NOT NULL,
    link_id uuid,
    content json,
    declared_at timestamptz NOT NULL,
    valid_until date NOT NULL,
    reason text,
    withdrawn_at timestamptz,
    reminded_at timestamptz,
    CONSTRAINT declarations_withdrawn_is_empty_ck CHECK ((content IS NULL) = (withdrawn_at IS NOT NULL)),
    CONSTRAINT declarations_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX declarations_valid_until_ix ON declarations (valid_until);
CREATE INDEX declarations_organisation_id_supplier_id_ix ON declarations (organisation_id, supplier_id);

CREATE TABLE declaration_mails (
    id uuid CONSTRAINT declaration_mails_pk PRIMARY KEY,
    lane uuid,
    status text NOT NULL DEFAULT 'waiting',
    queued_at timestamptz NOT NULL,
    due_at timestamptz,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    link_id uuid NOT NULL,
    kind text NOT NULL,
    address text NOT NULL,
    language text NOT NULL,
    failure text,
    failure_code smallint,
    ended_at timestamptz,
    CONSTRAINT declaration_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL)),
    CONSTRAINT declaration_mails_link_id_fk FOREIGN KEY (link_id)
        REFERENCES declaration_links (id) ON DELETE CASCADE
);
CREATE INDEX declaration_mails_due_at_ix ON declaration_mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX declaration_mails_lane_due_at_ix ON declaration_mails (lane, due_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX declaration_mails_link_id_ix ON declaration_mails (link_id);
CREATE INDEX declaration_mails_queued_at_ix ON declaration_mails (queued_at);

-- Notes of what suppliers told an organisation; `notes` of directory and organisation change whenever one does

CREATE TABLE supplier_notes (
    organisation_id uuid NOT NULL,
    supplier_id uuid NOT NULL,
    offers json NOT NULL,
    told_on date,
    how text,
    means text NOT NULL,
    actor_id uuid,
    noted_at timestamptz NOT NULL,
    CONSTRAINT supplier_notes_pk PRIMARY KEY (organisation_id, supplier_id),
    CONSTRAINT supplier_notes_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);

-- E-mails to buyers, and who wants none

CREATE TABLE buyer_mails (
    id uuid NOT NULL,
    lane uuid,
    status text NOT NULL DEFAULT 'waiting',
    queued_at timestamptz NOT NULL,
    due_at timestamptz,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    organisation_id uuid NOT NULL,
    exchange_id uuid,
    person_id uuid,
    need_id uuid,
    week date,
    stop_digest bytea,
    failure text,
    ended_at timestamptz,
    CONSTRAINT buyer_mails_pk PRIMARY KEY (id),
    CONSTRAINT buyer_mails_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id),
    CONSTRAINT buyer_mails_exchange_id_fk FOREIGN KEY (exchange_id) REFERENCES exchanges (id) ON DELETE CASCADE,
    CONSTRAINT buyer_mails_person_id_fk FOREIGN KEY (person_id) REFERENCES persons (id) ON DELETE CASCADE,
    CONSTRAINT buyer_mails_need_id_fk FOREIGN KEY (need_id) REFERENCES needs (id) ON DELETE CASCADE,
    CONSTRAINT buyer_mails_person_id_week_uq UNIQUE (person_id, week),
    CONSTRAINT buyer_mails_need_id_week_uq UNIQUE (need_id, week),
    CONSTRAINT buyer_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL)),
    CONSTRAINT buyer_mails_about_one_thing_ck CHECK ((exchange_id IS NULL) = (week IS NOT NULL))
);
CREATE INDEX buyer_mails_due_at_ix ON buyer_mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX buyer_mails_lane_due_at_ix ON buyer_mails (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX buyer_mails_exchange_id_ix ON buyer_mails (exchange_id);
CREATE INDEX buyer_mails_stop_digest_ix ON buyer_mails (stop_digest);

CREATE TABLE unwanted_mails (
    organisation_id uuid NOT NULL,
    kind text NOT NULL,
    address_digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT unwanted_mails_pk PRIMARY KEY (organisation_id, kind, address_digest),
    CONSTRAINT unwanted_mails_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);

-- Passkeys and e-mails of people who are invited

CREATE TABLE passkeys (
    credential_id bytea CONSTRAINT passkeys_pk PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT passkeys_person_id_fk REFERENCES persons ON DELETE CASCADE,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX passkeys_person_id_ix ON passkeys (person_id);

CREATE TABLE sign_in_mails (
    id uuid CONSTRAINT sign_in_mails_pk PRIMARY KEY,
    lane uuid,
    status text NOT NULL DEFAULT 'waiting',
    queued_at timestamptz NOT NULL,
    due_at timestamptz,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    person_id uuid NOT NULL CONSTRAINT sign_in_mails_person_id_fk REFERENCES persons ON DELETE CASCADE,
    language text NOT NULL,
    browser bytea,
    digest bytea,
    expires_at timestamptz,
    tries integer NOT NULL DEFAULT 0,
    failure text,
    failure_code smallint,
    CONSTRAINT sign_in_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL))
);
CREATE INDEX sign_in_mails_due_at_ix ON sign_in_mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX sign_in_mails_lane_due_at_ix ON sign_in_mails (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX sign_in_mails_person_id_queued_at_ix ON sign_in_mails (person_id, queued_at);
CREATE INDEX sign_in_mails_digest_ix ON sign_in_mails (digest) WHERE digest IS NOT NULL;
CREATE INDEX sign_in_mails_browser_ix ON sign_in_mails (browser) WHERE browser IS NOT NULL;
