"""The made-up news of the embedded sample: facts, and the many ways of putting them into words.

An event is a frame (what kind of thing happened) with slots (who, where, how many, ...). `FRAMES` holds for each frame the
slots that it needs and several sentences that say the same. In a sentence

    {slot}        is the slot's words, {slot.form} one of its forms,
    [a|b|c]       is one of the wordings, chosen at random; they nest,

and the same slots rendered twice give a paraphrase, with one slot changed a sentence that looks alike and says something
else. Every name is invented.
"""

import re

SYLLABLES = ["bar", "bel", "cor", "dan", "dor", "el", "fen", "gar", "hal", "is", "kel", "lan", "mor", "nev", "or", "pel",
             "quin", "ras", "sel", "tar", "ul", "ven", "wil", "yor", "zan"]
ENDINGS = ["by", "dale", "den", "er", "ett", "ford", "in", "ley", "man", "mere", "o", "ock", "sen", "son", "stad", "ton",
           "vik", "well", "wick", "y"]
COMPANY_KINDS = ["Airways", "Bank", "Chemical", "Energy", "Foods", "Holdings", "Insurance", "Media", "Motors", "Networks",
                 "Pharmaceuticals", "Steel", "Stores", "Systems", "Telecom"]
ROUGHLY = "about|some|nearly|around"
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def words_of(number):
    if number < 20:
        return SMALL[number]
    return TENS[number // 10] + ("-" + SMALL[number % 10] if number % 10 else "")


def invented_names(rng, count):
    """`count` distinct invented proper names, the first ones drawn more often than the last (see `pick_name`)."""
    names = []
    while len(names) < count:
        name = (rng.choice(SYLLABLES) + rng.choice(["", "", rng.choice(SYLLABLES)]) + rng.choice(ENDINGS)).capitalize()
        if name not in names and len(name) > 4:
            names.append(name)
    return names


class World:
    """The proper names of one sample. Frequent and rare ones: the rare ones are what WordPiece has to take apart."""

    def __init__(self, rng):
        names = invented_names(rng, 330)
        self.surnames, self.places, self.firms = names[:150], names[150:240], names[240:]

    @staticmethod
    def pick(rng, names):
        return names[int(len(names) * rng.random() ** 1.7)]


# --- slots: each maker draws a value; a value is a dict of forms, its words under "" -------------------------------------


def plain(text, **forms):
    return {"": text, **forms}


def choice_slot(*values):
    """A closed set of values: each a dict of forms."""
    return lambda world, rng: rng.choice(values)


def person(world, rng):
    name, first = world.pick(rng, world.surnames), rng.choice(["Ada", "Boris", "Clara", "Daniel", "Elena", "Frank",
                                                                "Grace", "Hugo", "Ines", "José", "Karl", "Lucía"])
    return plain(f"[{first} {name}|{name}]", full=f"{first} {name}", last=name)


def company(world, rng):
    firm, kind = world.pick(rng, world.firms), rng.choice(COMPANY_KINDS)
    suffix = rng.choice([" Inc.", " Corp.", " Group", " Ltd."])
    return plain(f"{firm} {kind}[|||{suffix}]")


def place(world, rng):
    name = world.pick(rng, world.places)
    return plain(rng.choice(["", "", "", "Port ", "New ", "North "]) + name)


def weekday(world, rng):
    return plain(rng.choice(WEEKDAYS))


def count(low, high):
    def make(world, rng):
        n = rng.randint(low, high)
        words = words_of(n) if n < 100 else f"{n:,}"
        dozen = {12: "|a dozen", 24: "|two dozen", 36: "|three dozen"}.get(n, "")
        near = round(n, -1) if n > 20 else n + 1
        return plain(f"[{n}|{words}{dozen}]", adj=f"[{n}|{words}]", near=plain(f"[{ROUGHLY}] {near}", adj=str(near)))
    return make


def big_count(low, high, step):
    def make(world, rng):
        n = rng.randrange(low, high, step)
        return plain(f"{n:,}", near=plain(f"[{ROUGHLY}] {round(n, 1 - len(str(n))):,}"))
    return make


def percent(world, rng):
    n = rng.randint(2, 60)
    word = words_of(n)
    return plain(f"[{n} percent|{n}%|{n} percent|{word} percent]")


def money(world, rng):
    tenths, unit = rng.randint(11, 99), rng.choice(["million", "billion"])
    amount = f"{tenths // 10}.{tenths % 10}" if tenths % 10 else f"{tenths // 10}"
    near = f"${round(tenths / 10)} {unit}"
    return plain(f"[${amount} {unit}|{amount} {unit} dollars]", adj=f"[${amount} {unit}|{amount} {unit} dollar]",
                 near=plain(f"[{ROUGHLY}] {near}", adj=f"[roughly |]{near}"))


def price(world, rng):
    n = rng.randint(400, 9900)
    return plain(f"${n // 100}.{n % 100:02d}")


def score(world, rng):
    low = rng.randint(0, 3)
    high = low + rng.randint(1, 3)
    return plain(f"{high}-{low}", words=f"[{high}-{low}|{SMALL[high]} [goals |]to {SMALL[low]}]")


MOVE = choice_slot(
    plain("up", past="[rose|climbed|increased|went up|gained]", noun="[rise|increase|gain|jump]", ing="[rising|climbing|increasing]"),
    plain("down", past="[fell|dropped|declined|went down|slid]", noun="[fall|drop|decline|decrease]", ing="[falling|dropping|declining]"))
MEASURE = choice_slot(*[plain(t) for t in ("[profit|earnings]", "[sales|revenue]", "[operating costs|operating expenses]",
                                           "[orders|bookings]", "exports")])
PERIOD = choice_slot(*[plain(t) for t in ("first", "second", "third", "fourth")])
PRODUCT = choice_slot(*[plain(t) for t in ("[phone|handset|telephone]", "[laptop|notebook computer]", "[small car|compact car]",
                                           "printer", "[medicine|drug] for asthma", "[electric bus|battery bus]",
                                           "[video game|computer game] console", "camera", "[passenger jet|airliner]")])
ROLE = choice_slot(*[plain(t) for t in ("[chief executive|CEO]", "[chairman|head of the board]", "[finance chief|chief financial officer]",
                                        "[general counsel|chief lawyer]", "head of research", "[marketing chief|head of marketing]")])
CRIME = choice_slot(*[plain(t) for t in ("[fraud|swindling investors]", "[bribery|paying bribes]", "[robbing|holding up] a bank",
                                         "[arson|setting fire to a warehouse]", "[stealing|theft of] [secrets|confidential files]",
                                         "[smuggling|trafficking] [weapons|arms]", "tax evasion", "[murder|killing a neighbor]")])
VEHICLE = choice_slot(*[plain(t) for t in ("bus", "[train|passenger train]", "[ferry|passenger boat]", "[truck|lorry]",
                                           "[small plane|light aircraft]", "tram")])
HARM = choice_slot(plain("died", passive="[killed|left dead]", active="[died|lost their lives|were killed]", verb="[killed|left dead]"),
                   plain("hurt", passive="[injured|hurt]", active="[were injured|were hurt|suffered injuries]", verb="[injured|hurt]"))
BUILDING = choice_slot(*[plain(t) for t in ("[stadium|sports arena]", "[airport|airfield]", "[hospital|medical center]", "bridge",
                                            "[power plant|power station]", "[prison|jail]", "[shopping center|mall]",
                                            "[school|academy]", "[rail line|railway]", "dam")])
DECISION = choice_slot(
    plain("yes", past="[approved|backed|passed|endorsed]", passive="[approved|backed|endorsed]"),
    plain("no", past="[rejected|turned down|voted down|blocked]", passive="[rejected|turned down|blocked]"))
STORM = choice_slot(*[plain(t) for t in ("[storm|windstorm]", "[flood|flooding]", "[snowstorm|blizzard]", "earthquake", "[wildfire|forest fire]",
                                         "[hurricane|tropical storm]")])
UTILITY = choice_slot(*[plain(t) for t in ("[power|electricity]", "[drinking water|clean water]", "[phone service|telephone service]", "heat")])
FOOD = choice_slot(*[plain(t) for t in ("coffee", "[green tea|tea]", "[fish|seafood]", "[olive oil|oil from olives]", "[red wine|wine]", "[chocolate|cocoa]", "garlic")])
ILLNESS = choice_slot(*[plain(t) for t in ("heart disease", "[a stroke|strokes]", "diabetes", "[memory loss|dementia]", "[lung cancer|cancer of the lung]", "asthma")])
RISK = choice_slot(plain("less", past="[cut|lowered|reduced]", ing="[cutting|lowering|reducing]", pres="[cuts|lowers|reduces]"),
                 plain("more", past="[raised|increased|added to]", ing="[raising|increasing|adding to]", pres="[raises|increases|adds to]"))
ISSUE = choice_slot(*[plain(t) for t in ("[pay|wages]", "[pensions|retirement benefits]", "[safety|working conditions]", "[longer hours|longer shifts]",
                                         "[health insurance|medical benefits]", "[job cuts|layoffs]")])
WORKERS = choice_slot(*[plain(t) for t in ("nurses", "[teachers|school staff]", "[bus drivers|drivers]", "[dockers|dock workers|port workers]",
                                           "[miners|mine workers]", "[pilots|airline pilots]", "[police officers|officers]")])
ANIMAL = choice_slot(*[plain(t) for t in ("[frog|frogs]", "[bird|birds]", "[orchid|orchids]", "[beetle|beetles]", "[fish]", "[bat|bats]", "[lizard|lizards]")])
CLAIM = choice_slot(*[plain(t) for t in ("[patents|patent infringement]", "[unpaid bills|unpaid invoices]", "[a broken contract|breach of contract]",
                                         "[pollution|a chemical spill]", "[misleading advertising|false advertisements]", "[stolen designs|copied designs]")])
BODY = choice_slot(*[plain(t) for t in ("the [city council|council]", "[parliament|the parliament]", "the [planning commission|planning board]",
                                        "[voters|residents]", "the [regional assembly|assembly]")])
SPEAKER = choice_slot(*[plain(t) for t in ("[officials|authorities]", "[a spokesman|a spokeswoman]", "the [governor|state governor]",
                                           "[police|the police]", "the [mayor|city's mayor]", "[rescuers|rescue workers]")])
QUOTE = choice_slot(*[plain(t, neg=n) for t, n in (
    ("the city is [ready|prepared]", "the city is not [ready|prepared]"), ("the [talks|negotiations] will [go on|continue]", "the [talks|negotiations] will not [go on|continue]"),
    ("there is [a danger|a risk]", "there is no [danger|risk]"), ("more [cuts|reductions] are [likely|to be expected]", "more [cuts|reductions] are not [likely|to be expected]"),
    ("the [plan|proposal] [makes sense|is sound]", "the [plan|proposal] does not make sense"),
    ("the [worst|hardest part] is over", "the [worst|hardest part] is not over"))])
GAME = choice_slot(*[plain(t) for t in ("[soccer|football]", "hockey", "[handball]", "rugby", "[water polo]")])

# Phrases that any sentence may carry; `on` is the day, `cause` a reason, `by` who says so.
ON = "[on {day}|{day}|on {day}]"

# name: (slots, sentences, pair of slots that can be swapped, slots whose change is only a detail)
FRAMES = {
    "results": (
        {"who": company, "what": MEASURE, "move": MOVE, "pct": percent, "cash": money, "period": PERIOD, "day": weekday},
        ["{who} said {what} {move.past} {pct} to {cash} in the {period} quarter",
         "{who}'s {period}-quarter {what} {move.past} {pct} to {cash}[|, the company said " + ON + "]",
         "{who} [reported|posted|announced] a {pct} {move.noun} in {period}-quarter {what}, to {cash}",
         "{what} at {who} {move.past} {pct} in the {period} quarter[| to {cash}]",
         "[In|For] the {period} quarter, {what} {move.past} to {cash}, a {move.noun} of {pct}, {who} said[| " + ON + "]"],
        None, ("day",)),
    "takeover": (
        {"who": company, "whom": company, "cash": money, "day": weekday},
        ["{who} [agreed to|said it would|will] [buy|acquire|take over] {whom} for {cash}[| in cash]",
         "{whom} [is to be|will be|is being] [bought|acquired|taken over] by {who} [for|in a deal worth] {cash}",
         "{who} " + ON + " [announced|disclosed] a {cash.adj} [deal|agreement] to [buy|acquire] {whom}",
         "[In a {cash.adj} deal, |]{who} [agreed " + ON + " to|is set to|will] [buy|acquire] {whom}",
         "{who} is [paying|to pay] {cash} for {whom}, the companies said[| " + ON + "]"],
        ("who", "whom"), ("day",)),
    "layoffs": (
        {"who": company, "n": big_count(200, 9000, 50), "where": place, "day": weekday},
        ["{who} [will|is to|plans to] [cut|eliminate|shed] {n} jobs at its [plant|factory] in {where}",
         "{n} [workers|employees|people] at {who}'s {where} [plant|factory] will [lose their jobs|be laid off]",
         "{who} said " + ON + " [that |]it [would|will] [lay off|dismiss] {n} [workers|employees] in {where}",
         "[About|Some|] {n} jobs will [go|be lost|be cut] in {where}, {who} said[| " + ON + "]"],
        None, ("day",)),
    "crash": (
        {"n": count(2, 60), "harm": HARM, "thing": VEHICLE, "where": place, "day": weekday, "by": SPEAKER},
        ["{n} people {harm.active} [when|after] a {thing} [crashed|overturned] [near|outside] {where}[| " + ON + "]",
         "A {thing} [crash|accident] [near|outside] {where} {harm.verb} {n} people " + ON,
         "A {thing} [crashed|overturned] " + ON + " [near|outside] {where}, and {n} people {harm.active}, {by} said",
         "{n} people were {harm.passive} " + ON + " in a {thing} [crash|accident] [near|outside] {where}",
         "{by} said {n} people {harm.active} in [the|a] {thing} [crash|accident] [near|outside] {where}"],
        None, ("day", "by")),
    "sentence": (
        {"who": person, "n": count(2, 30), "crime": CRIME, "where": place, "day": weekday},
        ["A [court|judge] in {where} sentenced {who} to {n} years in [prison|jail] for {crime}",
         "{who} was [sentenced to|given|handed] {n} years in [prison|jail] " + ON + " for {crime}[| by a {where} court]",
         "{who}, [who was |]convicted of {crime}, [must|will] [serve|spend] {n} years in [prison|jail], a {where} [court|judge] [ruled|decided]",
         "For {crime}, {who} will [spend|serve] {n} years in [prison|jail], a {where} [judge|court] ruled[| " + ON + "]"],
        None, ("day",)),
    "verdict": (
        {"who": person, "guilt": choice_slot(plain("guilty", past="convicted", passive="[convicted|found guilty]"),
                                             plain("free", past="[acquitted|cleared]", passive="[acquitted|cleared|found not guilty]")),
         "crime": CRIME, "where": place, "day": weekday},
        ["A jury in {where} {guilt.past} {who} of {crime} " + ON,
         "{who} was {guilt.passive} of {crime} by a {where} jury[| " + ON + "]",
         "[Jurors|A jury] [in|from] {where} " + ON + " {guilt.past} {who} of {crime}",
         "{who} was {guilt.passive} " + ON + " of {crime} after a trial in {where}"],
        None, ("day",)),
    "vote": (
        {"who": BODY, "said": DECISION, "what": BUILDING, "where": place, "cash": money, "day": weekday},
        ["{who} {said.past} [plans|a plan] [to build|for] a {what} in {where}[| " + ON + "]",
         "A [plan|proposal] for a [new |]{what} in {where} was {said.passive} by {who} " + ON,
         "A {cash.adj} {what} in {where} was {said.passive} " + ON + " by {who}",
         "{who} " + ON + " {said.past} a {cash.adj} [plan|proposal] [to build|for] a {what} in {where}"],
        None, ("day", "cash")),
    "storm": (
        {"what": STORM, "where": place, "n": big_count(1000, 90000, 500), "lack": UTILITY, "day": weekday},
        ["A {what} [hit|struck] {where} " + ON + ", leaving {n} [homes|households] without {lack}",
         "{n} [homes|households] in {where} [were left|are|were] without {lack} after a {what}[| " + ON + "]",
         "{where} was [hit|struck] by a {what} that [cut off|knocked out] {lack} to {n} [homes|households][| " + ON + "]",
         "After a {what} [hit|struck] {where}, {n} [homes|households] [had no|lost] {lack}"],
        None, ("day",)),
    "match": (
        {"who": place, "whom": place, "res": score, "what": GAME, "day": weekday},
        ["{who} [beat|defeated|overcame] {whom} {res.words} in {what} " + ON,
         "{whom} [lost to|was beaten by|were defeated by] {who} {res.words}[| " + ON + "] in {what}",
         "In {what} " + ON + ", {who} [beat|defeated] {whom} {res}",
         "{who} won {res} [against|over] {whom} in {what}[| " + ON + "]"],
        ("who", "whom"), ("day",)),
    "appoint": (
        {"who": company, "new": person, "old": person, "role": ROLE, "day": weekday},
        ["{who} [named|appointed|picked] {new} [as|as its new] {role}, [replacing|succeeding] {old.last}",
         "{new} [will replace|will succeed|replaces] {old} as {role} of {who}",
         "{old} will be [replaced|succeeded] as {role} of {who} by {new}[|, the company said " + ON + "]",
         "{who} said " + ON + " [that |]{new} [would|will] [take over from|replace] {old.last} as {role}"],
        ("new", "old"), ("day",)),
    "study": (
        {"what": FOOD, "risk": RISK, "ill": ILLNESS, "pct": percent, "where": place, "who": person},
        ["[Eating or drinking|Consuming] {what} {risk.pres} the [risk|danger] of {ill} by {pct}, [researchers|scientists] in {where} [found|say]",
         "[Researchers|Scientists] [in|from] {where} [found|reported] that {what} {risk.past} the [risk|danger] of {ill} by {pct}",
         "The [risk|danger] of {ill} was {risk.past} {pct} by {what}, [a study|research] by {who} [found|shows]",
         "{what} {risk.pres} the [risk|danger] of {ill}, [perhaps |]by {pct}, [a study|research] from {where} [found|shows]"],
        None, ("who",)),
    "arrest": (
        {"n": count(2, 40), "crime": CRIME, "where": place, "day": weekday, "who": person},
        ["Police [arrested|detained] {n} [people|suspects] in {where} " + ON + " on suspicion of {crime}",
         "{n} [people|suspects] were [arrested|detained] in {where} [over|for] {crime}[| " + ON + "]",
         "Police in {where} are [holding|questioning] {n} [people|suspects] over {crime}, [Inspector|Commissioner] {who.last} said",
         "[Suspected of|Accused of] {crime}, {n} people were [arrested|detained] " + ON + " in {where}"],
        None, ("day", "who")),
    "launch": (
        {"who": company, "what": PRODUCT, "cost": price, "day": weekday, "where": place},
        ["{who} [unveiled|introduced|presented] a [new |]{what} [at a fair |]in {where} " + ON,
         "A [new |]{what} was [unveiled|introduced|presented] by {who} in {where}[| " + ON + "]",
         "{who} will [begin|start] [selling|sales of] [its|a] [new |]{what} in {where} " + ON + "[|, a spokesman said]",
         "In {where} " + ON + ", {who} [showed|unveiled] its [new |latest |]{what}"],
        None, ("day",)),
    "strike": (
        {"who": WORKERS, "where": place, "why": ISSUE, "day": weekday},
        ["{who} in {where} [walked out|went on strike] " + ON + " [in a dispute over|over] {why}",
         "A [strike|walkout] by {who} over {why} [began|started] in {where} " + ON,
         "{where}'s {who} [stopped work|began a strike|started a walkout] over {why}[| " + ON + "]",
         "In a dispute over {why}, {who} in {where} [walked out|went on strike|stopped work][| " + ON + "]"],
        None, ("day",)),
    "back_to_work": (
        {"who": WORKERS, "where": place, "why": ISSUE, "n": count(2, 20), "day": weekday},
        ["{who} in {where} [ended|called off] a {n.adj}-day [strike|walkout] over {why}[| " + ON + "]",
         "{where}'s {who} [returned|went back] to work " + ON + " after {n} days [on strike|of striking] over {why}",
         "A {n.adj}-day [strike|walkout] by {who} over {why} [ended|was called off] in {where} " + ON],
        None, ("day",)),
    "shares": (
        {"who": company, "move": MOVE, "pct": percent, "cost": price, "day": weekday},
        ["Shares of {who} {move.past} {pct} to {cost}[| " + ON + "]",
         "{who} [stock|shares] {move.past} {pct} " + ON + " to [close|finish] at {cost}",
         "[Shares|Stock] in {who} closed at {cost}, a {move.noun} of {pct}[|, " + ON + "]",
         "{who} {move.past} {pct} [|on the stock exchange |in heavy trading ]" + ON + "[|, closing at {cost}]"],
        None, ("day",)),
    "suit": (
        {"who": company, "whom": company, "why": CLAIM, "cash": money, "day": weekday},
        ["{who} [sued|took legal action against|filed suit against] {whom} over {why}[| " + ON + "]",
         "{whom} [was sued|has been sued|is being sued] by {who} " + ON + " over {why}",
         "{who} [demands|is seeking|wants] {cash} from {whom} [over|in a lawsuit over] {why}",
         "In a {cash.adj} lawsuit, {who} accused {whom} of {why}[|, court papers show]"],
        ("who", "whom"), ("day",)),
    "quote": (
        {"by": SPEAKER, "say": QUOTE, "where": place, "who": person, "day": weekday},
        ["\"{say},\" {who.full} said in {where} " + ON,
         "{who} said " + ON + " in {where} that {say}",
         "In {where}, {who.full} [told reporters|told journalists|said]: \"{say}.\"",
         "[Speaking|Talking] [to reporters |to journalists |]in {where} " + ON + ", {who} said that {say}"],
        None, ("day",)),
    "species": (
        {"n": count(2, 30), "what": ANIMAL, "where": place, "who": person},
        ["[Scientists|Biologists] [discovered|found|identified] {n} [new|unknown] kinds of {what} [near|in the forests of] {where}",
         "{n} [new|unknown] kinds of {what} [were|have been] [discovered|found] [near|in the forests of] {where}[|, {who.full} said]",
         "A team led by {who} [discovered|found] {n} [new|unknown] kinds of {what} [near|around] {where}"],
        None, ("who",)),
    "opening": (
        {"who": company, "what": BUILDING, "where": place, "cash": money, "n": big_count(100, 3000, 50)},
        ["{who} will [build|construct] a {what} in {where} for {cash}[|, creating {n} jobs]",
         "A {cash.adj} {what} [is to be|will be] [built|constructed] in {where} by {who}",
         "{who} [won|received|was awarded] a {cash.adj} [contract|order] to [build|construct] a {what} in {where}",
         "[The |]{where} {what} [will cost|is to cost] {cash} and [will |]be [built|constructed] by {who}"],
        None, ("n",)),
}

CHOICE = re.compile(r"\[([^\[\]]*)\]")
VOWEL = re.compile(r"\b([Aa]) ((?:[aeiou8]|1[18]\b|\$8)(?!ne\b|niversity))")
SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")


def render(sentence, slots, rng):
    """The sentence with its slots filled in and its wordings chosen, first letter and full stop put right."""
    used = set()

    def fill(match):
        used.add(match.group(1))
        return slots[match.group(1)][match.group(2) or ""]

    while True:
        chosen = CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), sentence)
        if chosen == sentence:
            chosen = SLOT.sub(fill, sentence)
            if chosen == sentence:
                break
        sentence = chosen
    sentence = re.sub(r" +", " ", sentence).strip().replace(" ,", ",")
    sentence = sentence.replace("s's ", "s' ")
    sentence = re.sub(r': "[a-z]', lambda m: m.group().upper(), sentence)
    sentence = VOWEL.sub(r"\1n \2", sentence)
    start = next(i for i, c in enumerate(sentence) if c.isalnum())
    sentence = sentence[:start] + sentence[start].upper() + sentence[start + 1:]
    return sentence if sentence[-1] in ".\"" else sentence + ".", used
