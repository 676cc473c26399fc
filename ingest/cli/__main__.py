from ingest.cli.app import main

main()
