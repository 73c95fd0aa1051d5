-- Group roles, for the whole server. People and processes log in as members.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['cdt_owner', 'cdt_engine', 'cdt_worker', 'cdt_api', 'cdt_reader'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
  EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO cdt_owner', current_schema());
END $$;
