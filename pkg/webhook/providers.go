package webhook

// providers, in the order in which they are recognised: who also sends the headers of another one comes before it.
var providers = []Provider{
	forgejo, gitea, github{}, gitlab{}, bitbucket{}, bitbucketServer{}, azureDevOps{}, standard{}, generic{},
}

// Providers are all that are known, in the order in which they are recognised.
func Providers() []Provider {
	return append([]Provider(nil), providers...)
}

// Recognise tells which provider sent a delivery. It proves nothing.
func Recognise(d *Delivery) (Provider, bool) {
	for _, p := range providers {
		if p.Recognises(d) {
			return p, true
		}
	}
	return nil, false
}

// ByName is the provider of a name.
func ByName(name string) (Provider, bool) {
	for _, p := range providers {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}
