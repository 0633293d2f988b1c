package audit

// sensitiveNames are the built-in sensitive fields, folded by foldName.
var sensitiveNames = []string{
	"email", "mail", "phone", "phonenumber", "telephone", "tel", "mobile", "msisdn", "fax",
	"ssn", "socialsecurity", "socialsecuritynumber", "nationalid", "personalid", "personalnumber",
	"passport", "taxid", "driverslicense", "address", "street", "birthdate", "birthday", "dateofbirth", "dob",
	"firstname", "lastname", "surname", "fullname",
	"password", "passwd", "passphrase", "passcode", "pwd", "pin", "otp", "totp", "secret", "token", "jwt",
	"apikey", "accesskey", "privatekey", "credential", "credentials", "authorization", "cookie",
	"session", "sessionid", "jsessionid", "phpsessid", "sid",
	"card", "cardnumber", "creditcard", "pan", "cvv", "cvc", "iban", "bic", "accountnumber", "bankaccount",
}
