"""The commands of `exist-async`, one module each; `exist_async.cli.program` registers them."""
