// Package webhook takes deliveries of Git providers' webhooks: by the subresource gitrepositories/webhook, for the GitRepository that the
// path names, and by the server's own listener, for all that the body names. A delivery counts for nothing until one of the secrets that
// NOPEA shares with senders is found to have signed it; then it becomes a Sync.
//
// What providers send is read by nopea.io/nopea/pkg/webhook, which is pure. Here is what that needs a server for: routes, secrets, limits,
// the stored Sync, and what status.webhook says.
package webhook
