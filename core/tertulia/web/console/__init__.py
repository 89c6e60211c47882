"""The console: what those who run a workspace see and change, under `/workspaces/{workspace}`."""
