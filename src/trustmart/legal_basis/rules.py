"""The rules that answers rest on, each a sentence with its article. One place, so that legal can read them all."""

from typing import NamedTuple


class Rule(NamedTuple):
    """What the law says, in a sentence, and where."""

    text: str
    article: str


# Can it be anonymous?
NOBODY_SINGLED_OUT = Rule("what is about nobody in particular is not personal data", "GDPR Recital 26")
PEOPLE_ARE_USED = Rule("whoever is singled out is a data subject", "GDPR 4(1), Recital 26")
COMMUNICATIONS_CONTENT = Rule(
    "the content of communications needs consent, personal or not, unless the service asked for needs it",
    "ePrivacy 5(1)",
)
TERMINAL_EQUIPMENT = Rule(
    "reading or writing on somebody's device needs consent, personal or not, unless the service asked for needs it",
    "ePrivacy 5(3)",
)
TRAFFIC_MADE_ANONYMOUS = Rule("traffic and location data may be used once they are anonymous", "ePrivacy 6(1), 9(1)")
NO_COMMUNICATIONS = Rule("no electronic communications data are used", "ePrivacy 5, 6, 9")
COMMUNICATIONS_NEEDED = Rule("the service asked for, or a law, needs the communications data", "ePrivacy 5(3), 15(1)")

# May the data go where they go?
NOTHING_LEAVES = Rule("every recipient is in the EEA, or something carries the transfer", "GDPR 44-47")
NO_MECHANISM = Rule("data leave the EEA only where something carries the transfer", "GDPR 44, 46(1)")
NOT_ADEQUATE = Rule("the Commission has not found this country adequate", "GDPR 45(1)")
BCR_BIND_THE_GROUP = Rule("binding corporate rules bind a group, not somebody outside it", "GDPR 47(1)(a)")

# Does a law or a contract ask for it?
DUTY_STATED = Rule("a law obliges us (a public body: or charges us with the task)", "GDPR 6(1)(c), 6(1)(e), 6(3)")
NO_DUTY = Rule("no law that obliges us is named", "GDPR 6(1)(c)")
DUTY_IS_NO_CLOAK = Rule("no law obliges us to advertise, to sell, or to serve another's ends", "GDPR 6(1)(c), 6(3)")
CONTRACT_NEEDS_IT = Rule("without it the service could not be given", "GDPR 6(1)(b)")
CONTRACT_DOES_NOT_NEED_IT = Rule("a contract covers only what its service cannot do without", "GDPR 6(1)(b)")
NEVER_BY_CONTRACT = Rule(
    "advertising, personalising, improving, measuring, training and sharing are never necessary for a contract",
    "GDPR 6(1)(b), 7(4); EDPB Guidelines 2/2019, 48-57",
)
NOT_OUR_CONTRACT = Rule("a contract with us does not need somebody else's product", "GDPR 6(1)(b)")
CONTRACT_NEEDS_NO_RECIPIENT = Rule("the contract can be performed without this recipient", "GDPR 6(1)(b)")
CONTRACT_COVERS_NO_SPECIAL = Rule("a contract does not lift the ban on special categories", "GDPR 9(1), 9(2)")
NO_DECISIONS_ABOUT_CHILDREN = Rule("a significant automated decision should not concern a child", "GDPR Recital 71")

# Is it a legitimate interest, with opt-out?
INTEREST_HOLDS = Rule("customers may expect it, it does not outweigh their rights, they can say no", "GDPR 6(1)(f)")
SOFT_OPT_IN = Rule("own customers, own similar products, details from a sale: they may be written to", "ePrivacy 13(2)")
PUBLIC_BODY = Rule("a public body has no legitimate interest in its tasks", "GDPR 6(1) last sentence")
NOT_EXPECTED_FROM_STRANGERS = Rule("who has no relationship with us does not expect it", "GDPR Recital 47")
NOT_EXPECTED_OF_BOUGHT_DATA = Rule("who gave details to others does not expect us to have them", "GDPR Recital 47")
NOT_EXPECTED_OF_THIS_PRODUCT = Rule("customers expect offers only of what is like what they have", "GDPR Recital 47")
NOT_EXPECTED_OF_SHARING = Rule("customers do not expect their data to be passed on", "GDPR 6(1)(f), Recital 47")
NOT_EXPECTED_OF_RECIPIENT = Rule(
    "customers do not expect another company, of the group or not, to have their data", "GDPR 6(1)(f), Recitals 47-48"
)
NOT_EXPECTED_OF_THIS_USE = Rule("serving others' advertising or business outweighs our interest", "GDPR 6(1)(f)")
INTEREST_COVERS_NO_SPECIAL = Rule("no interest of ours lifts the ban on special categories", "GDPR 9(1), 9(2)")
SIGNIFICANT_DECISION = Rule(
    "a significant automated decision stands on contract, law or explicit consent only", "GDPR 22(1), 22(2)"
)
SCORE_PASSED_ON = Rule(
    "a score is itself the decision where its recipient draws strongly on it", "GDPR 22(1); CJEU C-634/21 (SCHUFA)"
)
CHILDREN_WEIGH_MORE = Rule("a child's interests outweigh ours", "GDPR 6(1)(f), Recital 38")
COMMUNICATIONS_NEED_CONSENT = Rule("communications data serve other ends with consent only", "ePrivacy 5, 6(3), 9(1)")
ELECTRONIC_MARKETING = Rule(
    "marketing over electronic channels needs consent, but for a complete soft opt-in", "ePrivacy 13(1), 13(2)"
)
STORED_ON_DEVICES = Rule("advertising that reads or writes on devices needs consent", "ePrivacy 5(3)")
MARKETING_CALLS = Rule("marketing calls need consent, unless every country of theirs allows them", "ePrivacy 13(3)")

# Can people be asked?
CAN_BE_ASKED = Rule("people can say yes or no freely", "GDPR 6(1)(a), 7")
CRIMINAL_RECORDS = Rule("criminal records may be used only where a law says so; consent is not enough", "GDPR 10")
CHILDREN_ARE_NOT_SOLD = Rule(
    "children are not profiled for marketing, and their data are not sold or passed on for it", "GDPR Recitals 38, 71"
)
CITIZENS_ARE_NOT_FREE = Rule("citizens cannot freely say no to a public body", "GDPR 7(4), Recital 43")
STAFF_ARE_NOT_FREE = Rule("staff cannot freely say no to their employer", "GDPR 7(4), Recital 43; EDPB 05/2020, 21")

# Must they say so explicitly?
PLAIN_YES = Rule("a clear affirmative act is enough", "GDPR 4(11)")
SPECIAL_CATEGORIES = Rule("special categories need explicit consent", "GDPR 9(2)(a)")
DECISION_BY_CONSENT = Rule("a significant automated decision needs explicit consent", "GDPR 22(2)(c)")
EACH_RECIPIENT = Rule("who passes data on has the person agree to each recipient by name", "GDPR 6(1)(a), 13(1)(e)")

# What is not known
NOT_KNOWN = Rule("what is not known cannot be decided, so it is refused: fill this in", "GDPR 5(2)")
UNHEARD_WORD = Rule("a word that is none of fideslang's hides what it stands for", "GDPR 5(2)")
DOES_NOT_MATTER = Rule("whatever the answer, the legal basis is the same", "GDPR 5(2)")
TOO_MUCH_IS_NOT_KNOWN = Rule("too little is known to decide: fill these in", "GDPR 5(2)")
