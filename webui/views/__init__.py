"""The pages and the requests behind their buttons: each module builds one blueprint from what it needs."""
