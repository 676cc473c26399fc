"""Looking after an installation: doctor, status, migration from OpenAI."""
