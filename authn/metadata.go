package authn

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

const metadataPath = "/.well-known/oauth-protected-resource"

// MetadataURL returns where the metadata of a resource are found: the well-known
// part goes between host and path (RFC 9728, section 3.1). It is "" for what is no
// https URL without query and fragment.
func MetadataURL(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(resource, "#") {
		return ""
	}
	return "https://" + u.Host + metadataPath + strings.TrimSuffix(u.EscapedPath(), "/")
}

// MetadataPath returns the path of MetadataURL, for the router.
func MetadataPath(resource string) string {
	u, err := url.Parse(MetadataURL(resource))
	if err != nil {
		return ""
	}
	return u.EscapedPath()
}

// resourceMetadata is the document of RFC 9728, section 2.
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported,omitempty"`
	CertificateBound     bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	ProofAlgorithms      []string `json:"dpop_signing_alg_values_supported,omitempty"`
	ProofRequired        bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// Metadata returns the protected resource metadata of one API as JSON, to be
// served at MetadataPath as application/json.
func (s *Service) Metadata(api APIOptions) ([]byte, error) {
	if MetadataURL(api.Resource) == "" {
		return nil, &gatehouse.Error{Code: "config.resource", Message: "the API's resource is not an https URL without query and fragment",
			At: gatehouse.Position{File: "resource"}}
	}
	m := resourceMetadata{Resource: api.Resource, Scopes: api.Scopes}
	for _, is := range s.cfg.Issuers {
		if slices.Contains(api.Methods, is.Name) && !slices.Contains(m.AuthorizationServers, is.Issuer) {
			m.AuthorizationServers = append(m.AuthorizationServers, is.Issuer)
		}
	}
	if len(m.AuthorizationServers) > 0 {
		m.BearerMethods = []string{"header"}
		m.CertificateBound = true
		m.ProofAlgorithms = proofAlgorithms
		m.ProofRequired = api.RequireDPoP || s.cfg.DPoP.Require
	}
	return json.Marshal(m)
}
