PRAGMA application_id = 1165512050;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE profile (
        service TEXT NOT NULL,
        username TEXT NOT NULL,
        first_name TEXT,
        last_name TEXT,
        avatar TEXT,
        timezone TEXT,
        imperial_distance INTEGER,
        imperial_weight INTEGER,
        imperial_energy INTEGER,
        imperial_liquid INTEGER,
        imperial_temperature INTEGER,
        trial INTEGER,
        delinquent INTEGER,
        weekly_email INTEGER,
        yearly_email INTEGER,
        read_at TEXT NOT NULL,
        PRIMARY KEY (service, username)
    );
INSERT INTO profile VALUES('https://exist.io','ada',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-20T08:15:00+00:00');
CREATE TABLE attribute (
        name TEXT PRIMARY KEY NOT NULL,
        label TEXT,
        template TEXT,
        "group" TEXT,
        group_label TEXT,
        group_priority INTEGER,
        service TEXT,
        service_label TEXT,
        value_type INTEGER,
        value_type_description TEXT,
        active INTEGER,
        manual INTEGER,
        priority INTEGER,
        available_services TEXT,
        position INTEGER NOT NULL UNIQUE,
        listed INTEGER NOT NULL,
        unlisted_at TEXT
    );
INSERT INTO attribute VALUES('steps','Steps','steps','activity','Activity',1,'fitbit','Fitbit',0,'Integer',1,0,1,'[{"name": "fitbit", "label": "Fitbit"}]',1,1,NULL);
INSERT INTO attribute VALUES('mood_note','Mood note','mood_note',NULL,NULL,NULL,NULL,NULL,2,NULL,NULL,NULL,NULL,NULL,2,1,NULL);
CREATE TABLE value (
        attribute TEXT NOT NULL REFERENCES attribute (name),
        date TEXT NOT NULL,
        number,
        text TEXT,
        removed_at TEXT,
        PRIMARY KEY (attribute, date)
    ) WITHOUT ROWID;
INSERT INTO value VALUES('mood_note','2026-11-20',NULL,'good',NULL);
INSERT INTO value VALUES('steps','2026-11-19',7.5,NULL,NULL);
INSERT INTO value VALUES('steps','2026-11-20',8123,NULL,NULL);
CREATE TABLE day (date TEXT NOT NULL, PRIMARY KEY (date DESC)) WITHOUT ROWID;
INSERT INTO day VALUES('2026-11-20');
INSERT INTO day VALUES('2026-11-19');
CREATE TABLE coverage (
        attribute TEXT NOT NULL REFERENCES attribute (name),
        start TEXT NOT NULL,
        "end" TEXT NOT NULL,
        read_at TEXT NOT NULL,
        PRIMARY KEY (attribute, start)
    ) WITHOUT ROWID;
CREATE TABLE average (
        attribute TEXT NOT NULL REFERENCES attribute (name),
        date TEXT NOT NULL,
        overall REAL,
        monday REAL,
        tuesday REAL,
        wednesday REAL,
        thursday REAL,
        friday REAL,
        saturday REAL,
        sunday REAL,
        PRIMARY KEY (attribute, date)
    );
CREATE TABLE correlation (
        attribute TEXT NOT NULL REFERENCES attribute (name),
        attribute2 TEXT NOT NULL REFERENCES attribute (name),
        "offset" INTEGER NOT NULL,
        attribute_category TEXT NOT NULL,
        date TEXT,
        period INTEGER,
        value REAL,
        p REAL,
        percentage REAL,
        stars INTEGER,
        second_person TEXT,
        second_person_elements TEXT,
        strength_description TEXT,
        stars_description TEXT,
        description TEXT,
        occurrence TEXT,
        rating_positive INTEGER,
        rating_type INTEGER,
        rating TEXT,
        listed INTEGER NOT NULL,
        unlisted_at TEXT,
        PRIMARY KEY (attribute, attribute2, "offset", attribute_category)
    );
CREATE TABLE insight (
        id INTEGER PRIMARY KEY,
        created TEXT NOT NULL,
        target_date TEXT NOT NULL,
        type TEXT NOT NULL,
        type_period INTEGER,
        type_priority INTEGER,
        type_template TEXT,
        html TEXT,
        text TEXT NOT NULL,
        UNIQUE (created, target_date, type, text)
    );
CREATE TABLE part (name TEXT PRIMARY KEY NOT NULL, start TEXT NOT NULL, "end" TEXT NOT NULL);
CREATE TABLE pull (
        id INTEGER PRIMARY KEY,
        started TEXT NOT NULL,
        ended TEXT,
        requests INTEGER,
        new INTEGER,
        changed INTEGER,
        inaccessible TEXT,
        since TEXT,
        until TEXT,
        current_from TEXT,
        current_as_of TEXT,
        error TEXT
    );
INSERT INTO pull VALUES(1,'2026-11-20T08:15:00+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE VIEW wide AS SELECT date, (SELECT coalesce(number, text) FROM value WHERE attribute = 'steps' AND date = day.date) AS "steps", (SELECT coalesce(number, text) FROM value WHERE attribute = 'mood_note' AND date = day.date) AS "mood_note" FROM day;
COMMIT;
